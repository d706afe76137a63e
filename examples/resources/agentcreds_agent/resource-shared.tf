# An agent that is there already, or may be, and that outlives this configuration.
resource "agentcreds_agent" "nightly" {
  display_name = "Nightly report"
  external_id  = "finance/nightly-report"

  on_existing     = "adopt"   # take over the agent that has this external_id, if there is one
  deletion_policy = "disable" # destroy blocks the agent, and keeps it

  allowed_auth_methods = ["client_secret_basic"]

  timeouts = {
    create = "5m"
  }
}
