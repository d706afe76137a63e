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

# With create_before_destroy a replacement is no emergency: the old secret retires for grace_period.
resource "agentcreds_agent_secret" "support" {
  agent_id     = agentcreds_agent.support.id
  grace_period = "1h"

  lifecycle {
    create_before_destroy = true
  }
}

output "secret_id" {
  value = agentcreds_agent_secret.support.secret_id
}
