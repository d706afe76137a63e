resource "kubernetes_secret_v1" "support" {
  metadata {
    name      = "support-assistant"
    namespace = "agents"
  }
  data_wo = {
    agent_id = agentcreds_agent.support.id
    secret   = ephemeral.agentcreds_agent_secret.support.secret
  }
  data_wo_revision = agentcreds_agent_secret.support.version
}
