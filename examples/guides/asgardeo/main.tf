terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

provider "agentcreds" {
  endpoint            = "https://api.asgardeo.io/t/my-organization"
  requests_per_minute = 200 # what Asgardeo allows an address, shared by all that calls it from there
  # AGENTCREDS_CLIENT_ID and AGENTCREDS_CLIENT_SECRET come from the environment
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant" # kept at the end of the description
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" }
}
