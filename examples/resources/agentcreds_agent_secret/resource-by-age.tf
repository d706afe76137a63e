# Due by its age: the first plan after 30 days rotates it. If no plan runs for 45 days, it stops working.
resource "agentcreds_agent" "nightly" {
  display_name = "Nightly report"
  external_id  = "finance/nightly-report"
}

resource "agentcreds_agent_secret" "nightly" {
  agent_id     = agentcreds_agent.nightly.id
  rotate_after = "720h"
  expire_after = "1080h"
  grace_period = "72h"
}
