terraform import agentcreds_agent_pair.support 0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10/3e9a5c0d-7a44-4c0e-8a57-5d7c0b7f2e11
