import {
  to = agentcreds_agent_key.support
  id = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10/c9zSX8RQBB4PgBzt6giaaf5E_vurT17ICGB_5q8WIvA"
}

resource "agentcreds_agent_key" "support" {
  agent_id       = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
  public_key_pem = <<-EOT
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4nxly/q67jI3Pw/BmjWat2huoykb
    94pS3G2GG8qkkTWJe9MaUscYgGtMgVN2djeHzMSjFcW7LUkTWlKZnxyeRQ==
    -----END PUBLIC KEY-----
  EOT
}
