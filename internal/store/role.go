package store

import "time"

// Role is a set of scopes that several agents have together. Who has it is kept
// beside it, as pairs of role and agent.
type Role struct {
	ID      string   // lower-case UUID
	Name    string   // for people; unique
	Scopes  []string // sorted, no duplicates
	Creator string   // the principal that made it
	Created time.Time
}

// Member is an agent that has a role.
type Member struct {
	AgentID string
	Name    string // Agent.DisplayName
}

// RolePage is the answer to a Query of roles.
type RolePage struct {
	Roles []Role
	Total int // how many there are in all pages
}
