# Whoever applies, and whoever plans, has the identity of one of the recipients
# in AGENTCREDS_SEAL_IDENTITY. `age-keygen` makes a pair.
resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = agentcreds_agent.support.id
  rotation_trigger = { quarter = "2026-Q4" }
  seal_to          = ["age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"]
}

ephemeral "agentcreds_agent_secret" "support" {
  agent_id      = agentcreds_agent_secret.support.agent_id
  version       = agentcreds_agent_secret.support.version
  sealed_secret = agentcreds_agent_secret.support.sealed_secret
}

# The secret is in no state and in no plan on its way to Vault.
resource "vault_kv_secret_v2" "support" {
  mount = "kv"
  name  = "agents/support"
  data_json_wo = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = ephemeral.agentcreds_agent_secret.support.secret
  })
  data_json_wo_version = agentcreds_agent_secret.support.version
}
