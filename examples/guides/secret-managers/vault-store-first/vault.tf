ephemeral "agentcreds_random_secret" "new" {}

# 1. Vault gets the new secret first.
resource "vault_kv_secret_v2" "support" {
  mount = "secret"
  name  = "agents/support"
  data_json_wo = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = ephemeral.agentcreds_random_secret.new.value
  })
  data_json_wo_version = var.rotation
}

# 2. What Vault has is read back. mount_id is not known before Vault has the
#    first secret, so that nothing is read too early.
ephemeral "vault_kv_secret_v2" "support" {
  mount    = vault_kv_secret_v2.support.mount
  mount_id = vault_kv_secret_v2.support.id
  name     = vault_kv_secret_v2.support.name
}

# 3. The server gets what Vault has, however often an apply is repeated.
resource "agentcreds_agent_secret" "support" {
  agent_id          = agentcreds_agent.support.id
  secret_wo         = ephemeral.vault_kv_secret_v2.support.data.secret
  secret_wo_version = vault_kv_secret_v2.support.data_json_wo_version
  grace_period      = "24h"
}
