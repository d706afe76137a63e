terraform {
  required_providers {
    agentcreds = {
      source  = "agentcreds/agentcreds"
      version = "~> 0.1"
    }
  }
}

provider "agentcreds" {} # no endpoint: no server, a file agentcreds.db in this folder

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  owner        = "support-platform@example.com"
  external_id  = "support/assistant"
  scopes       = ["tickets:read", "tickets:reply"]
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" }
}

output "agent_id" {
  value = agentcreds_agent.support.id
}

output "version" {
  value = agentcreds_agent_secret.support.version
}

output "secret" {
  value     = agentcreds_agent_secret.support.secret
  sensitive = true
}
