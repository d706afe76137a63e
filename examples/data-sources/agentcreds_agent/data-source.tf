# An agent that is managed elsewhere, by its external_id or its id
data "agentcreds_agent" "support" {
  external_id = "support/assistant"
}

output "agent_id" {
  value = data.agentcreds_agent.support.id
}
