resource "aws_secretsmanager_secret" "support" {
  name = "agents/support"
}

resource "aws_secretsmanager_secret_version" "support" {
  secret_id = aws_secretsmanager_secret.support.id
  secret_string = jsonencode({
    agent_id = agentcreds_agent.support.id
    secret   = agentcreds_agent_secret.support.secret
  })
}
