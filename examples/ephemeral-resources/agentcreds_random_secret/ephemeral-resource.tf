variable "rotation" {
  type        = number
  default     = 1
  description = "Count it up for a new secret."
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
}

# Another one in every run: it goes to one place only.
ephemeral "agentcreds_random_secret" "new" {}

resource "vault_kv_secret_v2" "support" {
  mount                = "kv"
  name                 = "agents/support"
  data_json_wo         = jsonencode({ secret = ephemeral.agentcreds_random_secret.new.value })
  data_json_wo_version = var.rotation
}

# What Vault has is what the agent gets, also when a run is repeated.
ephemeral "vault_kv_secret_v2" "support" {
  mount    = "kv"
  name     = vault_kv_secret_v2.support.name
  mount_id = vault_kv_secret_v2.support.id
}

resource "agentcreds_agent_secret" "support" {
  agent_id          = agentcreds_agent.support.id
  secret_wo         = ephemeral.vault_kv_secret_v2.support.data.secret
  secret_wo_version = vault_kv_secret_v2.support.data_json_wo_version
}
