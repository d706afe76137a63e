terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

resource "agentcreds_agent" "support" {
  display_name         = "Support assistant"
  external_id          = "support/assistant"
  allowed_auth_methods = ["private_key_jwt", "tls_client_auth"]
}

# By mutual TLS: the server signs the agent's request, and renews in time.
resource "agentcreds_agent_certificate" "support" {
  agent_id     = agentcreds_agent.support.id
  grace_period = "72h"
  csr_pem      = <<-EOT
    -----BEGIN CERTIFICATE REQUEST-----
    MIHMMHQCAQAwEjEQMA4GA1UEAwwHc3VwcG9ydDBZMBMGByqGSM49AgEGCCqGSM49
    AwEHA0IABB38bR54yIntTK9iiYIISgtADNuY8T2uHsU/gg1xlJl0NULl/lvri//B
    27TlUtFZTc3z5Emjc78Bm2x2N33LOOOgADAKBggqhkjOPQQDAgNIADBFAiEAlHU6
    koPnqGTapQ50U+GmQnpA8TlyN78Xgm+ktxdozG4CID+A0DxF/54Zh2bWimsPdQdS
    xWNgOp3jxipI+pkDdUw7
    -----END CERTIFICATE REQUEST-----
  EOT
}

# Or by assertions: the server knows the agent's public key. One of the two is enough.
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

output "certificate" {
  value = join("", [agentcreds_agent_certificate.support.certificate_pem, agentcreds_agent_certificate.support.ca_chain_pem])
}

output "agent_id" {
  value = agentcreds_agent.support.id
}
