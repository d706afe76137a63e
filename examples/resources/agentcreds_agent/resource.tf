resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  description  = "Answers customers' tickets"
  owner        = "support-platform@example.com"
  external_id  = "support/assistant" # your own key: an agent whose creation was interrupted is found again by it

  scopes    = ["tickets:read", "tickets:reply"]
  audiences = ["https://tickets.example.com"]

  attributes = {
    CostCenter = "4711"
  }
}
