import {
  to = agentcreds_agent_certificate.support
  id = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10/4a1f0c9be27d35168f42d0937c6be51a08d3f7c2"
}

resource "agentcreds_agent_certificate" "support" {
  agent_id = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
  csr_pem  = <<-EOT
    -----BEGIN CERTIFICATE REQUEST-----
    MIHMMHQCAQAwEjEQMA4GA1UEAwwHc3VwcG9ydDBZMBMGByqGSM49AgEGCCqGSM49
    AwEHA0IABB38bR54yIntTK9iiYIISgtADNuY8T2uHsU/gg1xlJl0NULl/lvri//B
    27TlUtFZTc3z5Emjc78Bm2x2N33LOOOgADAKBggqhkjOPQQDAgNIADBFAiEAlHU6
    koPnqGTapQ50U+GmQnpA8TlyN78Xgm+ktxdozG4CID+A0DxF/54Zh2bWimsPdQdS
    xWNgOp3jxipI+pkDdUw7
    -----END CERTIFICATE REQUEST-----
  EOT
}
