import {
  to = agentcreds_agent.support
  id = "external_id:support/assistant" # or the id of the agent: "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}
