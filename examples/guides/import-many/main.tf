terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

locals {
  agents = {
    "support/assistant" = { display_name = "Support assistant" }
    "support/triage"    = { display_name = "Ticket triage" }
  }
}

import {
  for_each = local.agents
  to       = agentcreds_agent.support[each.key]
  id       = "external_id:${each.key}"
}

import {
  for_each = local.agents
  to       = agentcreds_agent_secret.support[each.key]
  id       = "external_id:${each.key}"
}

resource "agentcreds_agent" "support" {
  for_each     = local.agents
  external_id  = each.key
  display_name = each.value.display_name
}

resource "agentcreds_agent_secret" "support" {
  for_each         = local.agents
  agent_id         = agentcreds_agent.support[each.key].id
  rotation_trigger = { quarter = "2026-Q4" } # the baseline: importing rotates nothing
}
