variable "key_vault_id" {
  type = string
}

resource "azurerm_key_vault_secret" "support" {
  key_vault_id     = var.key_vault_id
  name             = "agents-support"
  value_wo         = ephemeral.agentcreds_agent_secret.support.secret
  value_wo_version = agentcreds_agent_secret.support.version
  tags             = { agent_id = agentcreds_agent.support.id }
}
