terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.0"
    }
  }
}

variable "rotation" {
  description = "A number that only grows: the next one rotates the secret."
  type        = number
  default     = 1
}

resource "agentcreds_agent" "support" {
  display_name = "Support assistant"
  external_id  = "support/assistant"
}
