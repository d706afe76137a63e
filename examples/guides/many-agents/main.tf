terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

variable "agents" {
  type = map(object({
    display_name = string
    owner        = string
    scopes       = optional(set(string), [])
    rotation     = optional(string, "2026-Q4")
  }))
  default = {
    "support/assistant" = {
      display_name = "Support assistant"
      owner        = "support-platform@example.com"
      scopes       = ["tickets:read", "tickets:reply"]
    }
    "finance/nightly-report" = {
      display_name = "Nightly report"
      owner        = "finance-data@example.com"
      rotation     = "2026-11-leaver"
    }
  }
}

resource "agentcreds_agent" "this" {
  for_each     = var.agents
  external_id  = each.key
  display_name = each.value.display_name
  owner        = each.value.owner
  scopes       = each.value.scopes
}

resource "agentcreds_agent_secret" "this" {
  for_each         = var.agents
  agent_id         = agentcreds_agent.this[each.key].id
  rotation_trigger = { rotation = each.value.rotation }
}

output "agent_ids" {
  value = { for key, agent in agentcreds_agent.this : key => agent.id }
}
