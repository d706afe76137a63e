resource "vault_kv_secret_v2" "support" {
  mount = "secret"
  name  = "agents/support"
  data_json_wo = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = ephemeral.agentcreds_agent_secret.support.secret
  })
  data_json_wo_version = agentcreds_agent_secret.support.version
}
