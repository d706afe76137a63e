import {
  to = agentcreds_agent_pair.support
  id = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10/3e9a5c0d-7a44-4c0e-8a57-5d7c0b7f2e11"
}

resource "agentcreds_agent_pair" "support" {
  blue_agent_id  = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
  green_agent_id = "3e9a5c0d-7a44-4c0e-8a57-5d7c0b7f2e11"
}
