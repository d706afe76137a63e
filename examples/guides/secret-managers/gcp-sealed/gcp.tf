resource "google_secret_manager_secret" "support" {
  secret_id = "agents-support"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "support" {
  secret = google_secret_manager_secret.support.id
  secret_data_wo = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = ephemeral.agentcreds_agent_secret.support.secret
  })
  secret_data_wo_version = agentcreds_agent_secret.support.version
  lifecycle {
    create_before_destroy = true
  }
}
