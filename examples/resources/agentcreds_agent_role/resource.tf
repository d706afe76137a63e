resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_role" "support" {
  role_id  = "97e4626a-b16e-4735-9896-536bc4f4481e" # as role list, or the Console of WSO2, shows it
  agent_id = agentcreds_agent.support.id
}
