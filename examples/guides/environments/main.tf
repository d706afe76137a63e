terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

# A store of its own for each workspace: staging.db, production.db
provider "agentcreds" {
  embedded_path = "${terraform.workspace}.db"
}

locals {
  rotate_after = terraform.workspace == "production" ? "720h" : "2160h"
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant (${terraform.workspace})"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_secret" "support" {
  agent_id     = agentcreds_agent.support.id
  rotate_after = local.rotate_after
}
