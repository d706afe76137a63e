resource "kubernetes_secret_v1" "support" {
  metadata {
    name      = "support-assistant"
    namespace = "agents"
  }
  data = {
    agent_id = agentcreds_agent.support.id
    secret   = agentcreds_agent_secret.support.secret
  }
}
