terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}

locals {
  # Made in the Console; the data source agentcreds_agents tells all of this. What is
  # left out here, the apply removes there.
  agents = {
    assistant = {
      id           = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
      display_name = "Support assistant"
      description  = "Answers tickets"
      owner        = "7a6f7b26-f9ea-48ea-9012-87d6b54f4055@my-organization"
    }
    triage = {
      id           = "3e9a5c0d-7a44-4c0e-8a57-5d7c0b7f2e11"
      display_name = "Ticket triage"
      description  = "Sorts tickets"
      owner        = "7a6f7b26-f9ea-48ea-9012-87d6b54f4055@my-organization"
    }
  }
}

import {
  for_each = local.agents
  to       = agentcreds_agent.support[each.key]
  id       = each.value.id
}

import {
  for_each = local.agents
  to       = agentcreds_agent_secret.support[each.key]
  id       = each.value.id
}

resource "agentcreds_agent" "support" {
  for_each     = local.agents
  display_name = each.value.display_name
  description  = each.value.description
  owner        = each.value.owner
  external_id  = "support/${each.key}" # from now on: found again by it
}

resource "agentcreds_agent_secret" "support" {
  for_each         = local.agents
  agent_id         = agentcreds_agent.support[each.key].id
  rotation_trigger = { quarter = "2026-Q4" } # the baseline: importing rotates nothing
}
