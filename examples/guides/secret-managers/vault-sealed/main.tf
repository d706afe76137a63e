terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.0"
    }
  }
}

variable "seal_recipient" {
  description = "The age recipient, age1…, whose identity opens the secret during an apply."
  type        = string
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" }
  grace_period     = "24h"
  seal_to          = [var.seal_recipient]
}

ephemeral "agentcreds_agent_secret" "support" {
  agent_id      = agentcreds_agent_secret.support.agent_id
  version       = agentcreds_agent_secret.support.version
  sealed_secret = agentcreds_agent_secret.support.sealed_secret
}
