terraform {
  required_providers {
    agentcreds = {
      source  = "agentcreds/agentcreds"
      version = "~> 0.1"
    }
  }
}

# No endpoint: the credential API runs inside the provider, over the file agentcreds.db in this folder.
provider "agentcreds" {}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  owner        = "support-platform@example.com"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" } # change it: a new secret, in place
  grace_period     = "24h"                   # so long the old one goes on working
}

output "agent_id" {
  value = agentcreds_agent.support.id
}

output "secret" {
  value     = agentcreds_agent_secret.support.secret
  sensitive = true
}
