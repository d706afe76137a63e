terraform import agentcreds_agent_role.support 97e4626a-b16e-4735-9896-536bc4f4481e/0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10
