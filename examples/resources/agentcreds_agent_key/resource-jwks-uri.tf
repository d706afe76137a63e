# The agent publishes its keys, and rotates them by itself: Terraform knows the place alone.
resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_key" "support" {
  agent_id = agentcreds_agent.support.id
  jwks_uri = "https://support.example.com/.well-known/jwks.json"
}
