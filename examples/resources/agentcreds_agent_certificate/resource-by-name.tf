# Any certificate with this name is trusted that a CA of serve --tls-client-ca signed for
# clients: who makes them, as cert-manager or Vault, renews them, and nothing changes here.
resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}

resource "agentcreds_agent_certificate" "support" {
  agent_id = agentcreds_agent.support.id
  san_uri  = "spiffe://cluster.local/ns/support/sa/assistant"
}
