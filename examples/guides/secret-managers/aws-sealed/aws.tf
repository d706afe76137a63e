resource "aws_secretsmanager_secret" "support" {
  name = "agents/support"
}

resource "aws_secretsmanager_secret_version" "support" {
  secret_id = aws_secretsmanager_secret.support.id
  secret_string_wo = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = ephemeral.agentcreds_agent_secret.support.secret
  })
  secret_string_wo_version = agentcreds_agent_secret.support.version
}
