import {
  to = agentcreds_agent_secret.support
  identity = {
    agent_id = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
  }
}

resource "agentcreds_agent_secret" "support" {
  agent_id         = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
  rotation_trigger = { quarter = "2026-Q4" } # the baseline: what stands here first does not rotate
}
