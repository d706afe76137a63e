data "agentcreds_server" "this" {
  lifecycle {
    postcondition {
      condition     = self.overlap
      error_message = "The server at ${self.place} ends the old secret as soon as there is a new one."
    }
  }
}
