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

resource "agentcreds_agent_secret" "support" {
  agent_id     = agentcreds_agent.support.id
  rotate_after = "720h"
}

data "agentcreds_agent_credentials" "support" {
  agent_id = agentcreds_agent_secret.support.agent_id
}

output "works" {
  description = "Every secret that the agent can authenticate with."
  value = [
    for s in data.agentcreds_agent_credentials.support.secrets : s.secret_id
    if contains(["ACTIVE", "RETIRING"], s.status)
  ]
}
