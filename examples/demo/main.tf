terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

# No endpoint: the credential API runs inside the provider, over the file agentcreds.db in this folder.
# The demo starts `serve` on the same file, so that the agent can sign in.
provider "agentcreds" {}

variable "rotation" {
  description = "Change it, and the agent gets a new secret."
  type        = string
  default     = "first"
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  description  = "Answers customers' tickets"
  owner        = "support-platform@example.com"
  scopes       = ["tickets:read", "tickets:reply"]
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { reason = var.rotation }
  grace_period     = "10s" # the old secret works for so long after a rotation; hours are usual
}

output "agent_id" {
  value = agentcreds_agent.support.id
}

output "secret_id" {
  value = agentcreds_agent_secret.support.secret_id
}

output "version" {
  value = agentcreds_agent_secret.support.version
}

output "retiring" {
  description = "The secret that was replaced and still works, if there is one."
  value       = try(agentcreds_agent_secret.support.previous.secret_id, "none")
}

output "retires_at" {
  value = try(agentcreds_agent_secret.support.previous.expires_at, "none")
}

output "secret" {
  value     = agentcreds_agent_secret.support.secret
  sensitive = true
}
