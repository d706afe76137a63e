resource "google_secret_manager_secret" "support" {
  secret_id = "agents-support"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "support" {
  secret = google_secret_manager_secret.support.id
  secret_data = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = agentcreds_agent_secret.support.secret
  })
  lifecycle {
    create_before_destroy = true
  }
}
