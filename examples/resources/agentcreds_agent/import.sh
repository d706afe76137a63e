# By the id of the agent
terraform import agentcreds_agent.support 0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10

# By your own key
terraform import agentcreds_agent.support external_id:support/assistant
