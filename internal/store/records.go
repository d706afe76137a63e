// Package store is what the server remembers, and the contract of whoever
// keeps it. Records hold digests of secrets, never secrets. An act and its
// audit entry are one transaction: Update cannot commit without an event. The
// package decides nothing; the rules live in authority, its only writer.
package store

import "time"

// Texts in records are valid UTF-8 without NUL. Times come back in UTC and to the
// microsecond, the zero time as it is; lists and maps that are empty come back nil.

// Agent is one agent. The zero value of a field means that it is not set.
type Agent struct {
	ID          string // lower-case UUID, made by the authority
	DisplayName string
	Description string
	Owner       string
	ExternalID  string            // unique in the store when not ""
	Attributes  map[string]string // further members of WSO2's agent schema
	UserServing bool

	Inactive bool // SCIM active: false
	Locked   bool // WSO2 accountLocked: true

	Scopes      []string // sorted, no duplicates
	Audiences   []string // sorted, no duplicates
	AuthMethods []string // sorted, no duplicates; empty allows all

	OwnerToken string    // marks whose resource this is; changed by adopting
	RevokedAt  time.Time // when everything was revoked; zero: not revoked
	// Epoch counts what ends all tokens: block, revoke, password, delete.
	Epoch int64
	// LastSecret is the creation time of the newest secret or credential that
	// there ever was, in unix milliseconds; it only grows, deleted ones
	// included.
	LastSecret int64

	Created  time.Time
	Modified time.Time
}

// Blocked reports whether the agent may not authenticate.
func (a Agent) Blocked() bool { return a.Inactive || a.Locked || !a.RevokedAt.IsZero() }

// Secret is one secret of an agent. Records of dead secrets stay, so that an
// id is never used twice.
type Secret struct {
	AgentID string
	ID      string // lower-case UUID, unique in its agent
	Digest  string // secret.Digest
	Hint    string // last characters, for people; "" for a secret of another shape
	Creator string // the principal that made it

	Created  int64 // unix milliseconds; strictly growing in an agent
	Expires  int64 // unix seconds; 0 never
	Retiring bool  // superseded by a newer one; lives until Expires
	Ends     int64 // of a retiring one: when it would have expired anyway, as Expires; no grace outlives it
	Revoked  time.Time

	FirstUsed time.Time
	LastUsed  time.Time
}

// Live reports whether the secret can be used to authenticate at now.
func (s Secret) Live(now time.Time) bool {
	return s.Revoked.IsZero() && (s.Expires == 0 || now.Unix() < s.Expires)
}

// Field names a property of an agent that Conditions can look at.
type Field string

// The fields. Attribute names one of Agent.Attributes, as Attribute + "Url".
const (
	ID          Field = "id"
	DisplayName Field = "displayName"
	Description Field = "description"
	Owner       Field = "owner"
	ExternalID  Field = "externalId"
	Attribute   Field = "attribute:"
)

// Op compares a field with a value.
type Op string

// The comparisons. Letter case counts for ID and ExternalID and does not, for
// ASCII letters, elsewhere (RFC 7643 §2.2, caseExact).
const (
	Equal      Op = "eq"
	Contains   Op = "co"
	StartsWith Op = "sw"
	EndsWith   Op = "ew"
)

// Condition is one comparison. An agent that does not have the field, or has it
// empty, does not meet it, whatever the value. A Field or Op of another name no
// agent meets.
type Condition struct {
	Field Field
	Op    Op
	Value string
}

// Query asks for a page of agents, oldest first. Agents that are created later
// come after those of earlier pages.
type Query struct {
	Where  []Condition // all must hold
	Offset int         // how many to pass over; negative is 0
	Limit  int         // at most this many; 0 or less: none, but they are counted
}

// Page is the answer to a Query.
type Page struct {
	Agents []Agent
	Total  int // how many there are in all pages
}
