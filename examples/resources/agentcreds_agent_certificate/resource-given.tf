# The agent signed its certificate itself:
#   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout agent.pem -subj /CN=support -days 90
# Another one in its place rotates, in time before this one ends.
resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_certificate" "support" {
  agent_id        = agentcreds_agent.support.id
  grace_period    = "72h"
  certificate_pem = <<-EOT
    -----BEGIN CERTIFICATE-----
    MIIBfDCCASGgAwIBAgIUGF3WaZpisJZkHOjRUl1zoVQl+dIwCgYIKoZIzj0EAwIw
    EjEQMA4GA1UEAwwHc3VwcG9ydDAgFw0yNjExMjIwODE4MDZaGA8yMTI2MTAyOTA4
    MTgwNlowEjEQMA4GA1UEAwwHc3VwcG9ydDBZMBMGByqGSM49AgEGCCqGSM49AwEH
    A0IABE/QWDPwDCeTg2WXHw9ZheW8wqcwdfPJ2G0AmqRNa502sGlQw7SFlZZYOxzd
    TYvKoj+6SoQ2/FN+a0z1oFq+x+qjUzBRMB0GA1UdDgQWBBQyOcrU4EmVhg40qDBG
    vvpp/XCIsTAfBgNVHSMEGDAWgBQyOcrU4EmVhg40qDBGvvpp/XCIsTAPBgNVHRMB
    Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCsQqscmbgiWt1PI/2Z5iDnN9eX
    M7LqJtMTaDsR2Yd1GQIhAO6WWmKcYNVgVM1xfPsbUFYAhwaDiHonbXJmU+4k4EKT
    -----END CERTIFICATE-----
  EOT
}
