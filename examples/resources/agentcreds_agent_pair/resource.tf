resource "agentcreds_agent" "blue" {
  display_name = "Support assistant (blue)"
  external_id  = "support/assistant-blue"
}

resource "agentcreds_agent" "green" {
  display_name = "Support assistant (green)"
  external_id  = "support/assistant-green"
}

resource "agentcreds_agent_pair" "support" {
  blue_agent_id    = agentcreds_agent.blue.id
  green_agent_id   = agentcreds_agent.green.id
  rotation_trigger = { quarter = "2026-Q4" } # change it: the idle agent gets a new secret and becomes the active one
}

output "support_agent_id" {
  value = agentcreds_agent_pair.support.agent_id # of the active agent
}
