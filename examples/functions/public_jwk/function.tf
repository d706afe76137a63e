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

# What the agent publishes at its jwks_uri.
output "jwks" {
  value = jsonencode({ keys = [jsondecode(provider::agentcreds::public_jwk(local.public_key))] })
}
