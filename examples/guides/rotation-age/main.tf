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

# The first plan that finds the secret older than 30 days rotates it. Should no plan run, it stops working after 45.
resource "agentcreds_agent_secret" "support" {
  agent_id     = agentcreds_agent.support.id
  rotate_after = "720h"
  expire_after = "1080h"
  grace_period = "72h"
}

output "rotated_at" {
  value = agentcreds_agent_secret.support.rotated_at
}
