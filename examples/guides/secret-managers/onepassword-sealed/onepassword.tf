variable "vault_id" {
  type = string
}

resource "onepassword_item" "support" {
  vault               = var.vault_id
  title               = "Support assistant"
  category            = "login"
  username            = agentcreds_agent.support.id
  password_wo         = ephemeral.agentcreds_agent_secret.support.secret
  password_wo_version = agentcreds_agent_secret.support.version
}
