terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

locals {
  public_key = <<-EOT
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4nxly/q67jI3Pw/BmjWat2huoykb
    94pS3G2GG8qkkTWJe9MaUscYgGtMgVN2djeHzMSjFcW7LUkTWlKZnxyeRQ==
    -----END PUBLIC KEY-----
  EOT
}

# The kid that assertions of the agent name.
output "kid" {
  value = provider::agentcreds::jwk_thumbprint(local.public_key) # c9zSX8RQBB4PgBzt6giaaf5E_vurT17ICGB_5q8WIvA
}
