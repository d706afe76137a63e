terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

resource "agentcreds_agent" "nightly" {
  display_name = "Nightly report"
  external_id  = "finance/nightly-report"
}

# Rotates once in every 30 days: by the first apply of each period.
resource "agentcreds_agent_secret" "nightly" {
  agent_id         = agentcreds_agent.nightly.id
  rotation_trigger = { period = provider::agentcreds::rotation_period(plantimestamp(), "720h") }
}

output "example" {
  value = provider::agentcreds::rotation_period("2026-11-21T09:30:00Z", "24h") # 2026-11-21T00:00:00Z
}
