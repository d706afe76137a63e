terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

provider "agentcreds" {
  endpoint = "http://127.0.0.1:8484"
  # AGENTCREDS_CLIENT_ID and AGENTCREDS_CLIENT_SECRET come from the environment
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  owner        = "support-platform@example.com"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" }
}

data "agentcreds_server" "this" {}

output "server" {
  value = "${data.agentcreds_server.this.kind} ${data.agentcreds_server.this.version} at ${data.agentcreds_server.this.place}"
}
