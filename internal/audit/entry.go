// Package audit is the append-only record of who did what to which agent.
// Each entry carries the hash of the one before it, so that a changed,
// removed or reordered entry is found. The package knows how a chain is made
// and checked; it keeps nothing and knows neither store nor HTTP.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Outcome says how an act ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
)

// Action names what was done, object first.
type Action string

// The actions of the management API.
const (
	AgentCreate    Action = "agent.create"
	AgentUpdate    Action = "agent.update"
	AgentBlock     Action = "agent.block"
	AgentUnblock   Action = "agent.unblock"
	AgentRevoke    Action = "agent.revoke"
	AgentReinstate Action = "agent.reinstate"
	AgentDelete    Action = "agent.delete"
	SecretCreate   Action = "secret.create"
	SecretReset    Action = "secret.reset" // WSO2's password: revokes all others and every token
	SecretExpire   Action = "secret.expire"
	SecretRevoke   Action = "secret.revoke"
	StoreCreate    Action = "store.create"
	StoreMigrate   Action = "store.migrate" // copied from a file to a database; Detail has the rows and the hash of each table

	// Of backups. Detail of the last three has what the store knew then.
	StoreBackup     Action = "store.backup"     // a copy is made, for whom and where to
	StoreRestore    Action = "store.restore"    // it came from a backup
	StoreQuarantine Action = "store.quarantine" // it came from elsewhere
	StoreAccept     Action = "store.accept"     // the end of either, with what was replayed

	// Of the public keys and certificates of agents.
	PublicKeyCreate   Action = "public_key.create"
	PublicKeyExpire   Action = "public_key.expire"
	PublicKeyRevoke   Action = "public_key.revoke"
	CertificateCreate Action = "certificate.create"
	CertificateExpire Action = "certificate.expire"
	CertificateRevoke Action = "certificate.revoke"
	CACreate          Action = "ca.create"

	RoleCreate   Action = "role.create"
	RoleUpdate   Action = "role.update" // its name, or its scopes
	RoleDelete   Action = "role.delete"
	RoleAssign   Action = "role.assign"   // to one agent
	RoleUnassign Action = "role.unassign" // from one agent, whose tokens end

	ClientCreate Action = "client.create"
	ClientRotate Action = "client.rotate"
	ClientDelete Action = "client.delete"

	AdminCreate Action = "admin.create" // the admin token: made, or another one put in its place
	AdminDelete Action = "admin.delete" // turned off

	FaultsBegin Action = "faults.begin" // a server starts that misbehaves on request; Detail has the rules

	KeyCreate Action = "key.create" // a signing key
	KeyRevoke Action = "key.revoke"

	SealChange Action = "seal.change" // signing and CA keys are sealed with another seal key

	CodeIssue   Action = "code.issue"  // an authentication that a token follows, by an application
	TokenIssue  Action = "token.issue" // an authentication; refused: a failed one
	TokenRevoke Action = "token.revoke"
	LoginAccept Action = "login.accept" // an authentication that gives no token, to ask about one or revoke one; refused: a failed one
)

// What is read is not entered, only that somebody may not.
const (
	AgentView       Action = "agent.view"
	SecretView      Action = "secret.view" // the metadata of secrets: nobody can read a secret
	PublicKeyView   Action = "public_key.view"
	CertificateView Action = "certificate.view"
	AuditView       Action = "audit.view"
	ClientView      Action = "client.view"
	RoleView        Action = "role.view"
)

// Event is what happened, before it has a place in the chain. It never holds
// a secret or a digest of one.
type Event struct {
	Actor   string            // the principal, as "local:ann@laptop" or "admin"
	Action  Action            // required
	AgentID string            // the agent it was done to; "" where there is none
	Target  string            // the credential, by its id; "" where there is none
	Outcome Outcome           // "" means Done
	Reason  string            // why it was refused
	Detail  map[string]string // further facts: ids, names of changed fields, times
}

// Entry is an event in its place.
type Entry struct {
	Seq  int64     // 1, 2, 3 … without a gap
	Time time.Time // UTC, to the microsecond
	Event
	Prev string // hex SHA-256 of the entry before; "" for the first
	Hash string // hex SHA-256 of this one
}

// ErrBroken is wrapped by what Verify returns: the chain is not as it was
// written.
var ErrBroken = errors.New("the audit chain is broken")

// Next makes the entry that follows prev, the last one of the chain so far
// (the zero Entry when there is none).
func Next(prev Entry, now time.Time, ev Event) Entry {
	e, _ := NextText(prev, now, ev)
	return e
}

// NextText is Next, and tells how the details were written to be hashed: as
// encoding/json does it, sorted by their names; "null" for none.
func NextText(prev Entry, now time.Time, ev Event) (Entry, string) {
	if ev.Outcome == "" {
		ev.Outcome = Done
	}
	e := Entry{Seq: prev.Seq + 1, Time: now.UTC().Truncate(time.Microsecond), Event: ev, Prev: prev.Hash}
	detail := appendDetail(nil, e.Detail)
	e.Hash = e.sum(detail)
	return e, string(detail)
}

// Verify checks that e follows prev and is unaltered. The error names the
// entry and wraps ErrBroken.
func (e Entry) Verify(prev Entry) error {
	switch {
	case e.Seq != prev.Seq+1:
		return fmt.Errorf("%w: entry %d follows entry %d", ErrBroken, e.Seq, prev.Seq)
	case e.Prev != prev.Hash:
		return fmt.Errorf("%w: entry %d does not name the hash of entry %d", ErrBroken, e.Seq, prev.Seq)
	case e.Hash != e.sum(appendDetail(nil, e.Detail)):
		return fmt.Errorf("%w: entry %d was altered", ErrBroken, e.Seq)
	}
	return nil
}

// sum hashes a fixed JSON form: see text.
func (e Entry) sum(detail []byte) string {
	h := sha256.Sum256(e.text(make([]byte, 0, 768), detail))
	return hex.EncodeToString(h[:])
}
