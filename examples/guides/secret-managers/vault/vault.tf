resource "vault_kv_secret_v2" "support" {
  mount = "secret"
  name  = "agents/support"
  data_json = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = agentcreds_agent_secret.support.secret
  })
}
