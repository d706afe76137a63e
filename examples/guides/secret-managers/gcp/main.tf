terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
    google = {
      source  = "hashicorp/google"
      version = ">= 6.23"
    }
  }
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" }
  grace_period     = "24h"
}
