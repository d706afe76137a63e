terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

# First apply: the agent has its secret, and gets a key beside it.
# Second apply, when the agent signs in by its key: take "client_secret_basic" and the secret away.
resource "agentcreds_agent" "support" {
  display_name         = "Support assistant"
  external_id          = "support/assistant"
  allowed_auth_methods = ["client_secret_basic", "private_key_jwt"]
}

resource "agentcreds_agent_secret" "support" {
  agent_id = agentcreds_agent.support.id
}

resource "agentcreds_agent_key" "support" {
  agent_id       = agentcreds_agent.support.id
  public_key_pem = <<-EOT
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4nxly/q67jI3Pw/BmjWat2huoykb
    94pS3G2GG8qkkTWJe9MaUscYgGtMgVN2djeHzMSjFcW7LUkTWlKZnxyeRQ==
    -----END PUBLIC KEY-----
  EOT
}
