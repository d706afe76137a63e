data "agentcreds_agent" "support" {
  external_id = "support/assistant"
}

data "agentcreds_agent_credentials" "support" {
  agent_id = data.agentcreds_agent.support.id
}

output "too_old" {
  description = "Secrets that work and are older than 90 days."
  value = [
    for s in data.agentcreds_agent_credentials.support.secrets : s.secret_id
    if contains(["ACTIVE", "RETIRING"], s.status) && s.age_days > 90
  ]
}

output "ends_within_a_week" {
  description = "Certificates that work and end soon."
  value = [
    for c in data.agentcreds_agent_credentials.support.certificates : c.serial_number
    if c.status == "ACTIVE" && try(timecmp(c.not_after, timeadd(plantimestamp(), "168h")) < 0, false)
  ]
}
