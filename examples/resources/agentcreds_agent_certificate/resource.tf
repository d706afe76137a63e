# The agent made the key pair, and keeps the private half:
#   openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout agent.pem -subj /CN=support
# The server signs the request. When a third of the certificate's life is left, the
# next apply renews it; the old one goes on for the grace_period.
resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_certificate" "support" {
  agent_id      = agentcreds_agent.support.id
  validity      = "720h"
  early_renewal = "240h"
  grace_period  = "72h"
  csr_pem       = <<-EOT
    -----BEGIN CERTIFICATE REQUEST-----
    MIHMMHQCAQAwEjEQMA4GA1UEAwwHc3VwcG9ydDBZMBMGByqGSM49AgEGCCqGSM49
    AwEHA0IABB38bR54yIntTK9iiYIISgtADNuY8T2uHsU/gg1xlJl0NULl/lvri//B
    27TlUtFZTc3z5Emjc78Bm2x2N33LOOOgADAKBggqhkjOPQQDAgNIADBFAiEAlHU6
    koPnqGTapQ50U+GmQnpA8TlyN78Xgm+ktxdozG4CID+A0DxF/54Zh2bWimsPdQdS
    xWNgOp3jxipI+pkDdUw7
    -----END CERTIFICATE REQUEST-----
  EOT
}

# Nothing of this is secret: hand it to the agent in any way.
output "certificate" {
  value = join("", [agentcreds_agent_certificate.support.certificate_pem, agentcreds_agent_certificate.support.ca_chain_pem])
}
