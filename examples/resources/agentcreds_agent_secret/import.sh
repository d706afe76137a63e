# The newest secret of the agent
terraform import agentcreds_agent_secret.support 0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10

# This secret of the agent
terraform import agentcreds_agent_secret.support 0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10/5d2f9f4e-1c55-4a2b-8f6e-7a3f0f6f3b21

# The newest secret of the agent with this external_id
terraform import agentcreds_agent_secret.support external_id:support/assistant
