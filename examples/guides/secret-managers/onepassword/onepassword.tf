variable "vault_id" {
  type = string
}

resource "onepassword_item" "support" {
  vault    = var.vault_id
  title    = "Support assistant"
  category = "login"
  username = agentcreds_agent.support.id
  password = agentcreds_agent_secret.support.secret
}
