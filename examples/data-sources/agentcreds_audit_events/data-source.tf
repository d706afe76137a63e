data "agentcreds_agent" "support" {
  external_id = "support/assistant"
}

data "agentcreds_audit_events" "support" {
  agent_id = data.agentcreds_agent.support.id
  action   = "secret"
}

output "who_made_secrets" {
  description = "When the agent got a secret, and from whom."
  value = [
    for e in data.agentcreds_audit_events.support.events : "${e.time} ${e.actor}"
    if e.action == "secret.create" && e.outcome == "done"
  ]
}
