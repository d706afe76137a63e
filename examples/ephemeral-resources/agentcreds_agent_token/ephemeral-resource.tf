terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
    restapi = {
      source = "Mastercard/restapi"
    }
  }
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  owner        = "support-platform@example.com"
  scopes       = ["tickets:read", "tickets:write"]
}

resource "agentcreds_agent_secret" "support" {
  agent_id = agentcreds_agent.support.id
}

# A token of the agent for this run alone: in no plan, in no state, and revoked
# when the run ends.
ephemeral "agentcreds_agent_token" "support" {
  agent_id = agentcreds_agent.support.id
  secret   = agentcreds_agent_secret.support.secret
  scopes   = ["tickets:read"]
}

# What works in the name of the agent takes the token.
provider "restapi" {
  uri          = "https://tickets.example.com"
  bearer_token = ephemeral.agentcreds_agent_token.support.access_token
}
