terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  owner        = "support-platform@example.com"
  external_id  = "support/assistant"
}

variable "rotation" {
  description = "Change it, in a pull request or by -var, and the secret is rotated."
  type        = string
  default     = "2026-Q4"
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { rotation = var.rotation }
  grace_period     = "48h"
}

output "current" {
  value = agentcreds_agent_secret.support.secret_id
}

output "retiring" {
  description = "The secret before this one, and when it stops working."
  value       = agentcreds_agent_secret.support.previous
}
