data "agentcreds_agents" "support" {
  filter = "externalId sw \"support/\""
}

output "blocked" {
  description = "Agents of the support team that may not authenticate."
  value       = [for a in data.agentcreds_agents.support.agents : a.display_name if !a.enabled]
}
