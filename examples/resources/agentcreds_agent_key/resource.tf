# The agent made the key pair, and keeps the private half:
#   openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out agent.pem
#   openssl pkey -in agent.pem -pubout
# Another key in its place rotates; the old one goes on for the grace_period.
resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_key" "support" {
  agent_id       = agentcreds_agent.support.id
  grace_period   = "72h"
  public_key_pem = <<-EOT
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4nxly/q67jI3Pw/BmjWat2huoykb
    94pS3G2GG8qkkTWJe9MaUscYgGtMgVN2djeHzMSjFcW7LUkTWlKZnxyeRQ==
    -----END PUBLIC KEY-----
  EOT
}
