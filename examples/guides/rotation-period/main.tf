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

# The first apply in each period of 30 days rotates; a second one in the same period changes nothing.
resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { period = provider::agentcreds::rotation_period(plantimestamp(), "720h") }
  grace_period     = "72h"
}
