package store

import (
	"context"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// What a store reports. A backend wraps them with what it was doing, so test
// with errors.Is.
var (
	// ErrNotFound: no record has that id.
	ErrNotFound = errors.New("not found")
	// ErrExists: a record with that id, or an agent with that external id,
	// is there already.
	ErrExists = errors.New("exists already")
	// ErrBusy: another process held the store for longer than 10 seconds.
	// Nothing was changed.
	ErrBusy = errors.New("the store is locked by another process")
	// ErrNoStore: there is no store at that place, and the caller did not
	// ask for a new one.
	ErrNoStore = errors.New("there is no store")
	// ErrForeign: what is at that place is not a store of ours, or one of a
	// newer version. It was left as it is.
	ErrForeign = errors.New("not a store of this program")
	// ErrFull: there is no space left. Nothing was changed.
	ErrFull = errors.New("no space left")
	// ErrUnavailable: the database does not answer, or cannot be reached.
	// Nothing was changed.
	ErrUnavailable = errors.New("the database does not answer")
	// ErrUnsure: a file's disk failed while it made a commit durable: the
	// commit is not seen now, and may be there after the next start, until
	// which the store cannot be written. Or a database was lost while it
	// committed, and did not come back in time to be asked.
	ErrUnsure = errors.New("it is not known whether the change was kept")
	// ErrReadOnly: the store, or the directory that it is in, cannot be
	// written, or not any more. Nothing was changed.
	ErrReadOnly = errors.New("the store cannot be written")
	// ErrQuarantined: the store was brought back from a backup, or from
	// elsewhere, and nobody has accepted it yet. Stores do not report it;
	// whoever gives access to them does, by Reader.Quarantined.
	ErrQuarantined = errors.New("the store is quarantined")
	// ErrNoEvent: the function of an Update returned no audit event, or
	// removed entries and returned none that records that.
	ErrNoEvent = errors.New("an update needs an audit event")
)

// Store keeps the records. Its methods may be called by many goroutines at
// once, and several processes may have the same store open.
//
// A context that ends while an Update waits for its turn ends the wait with
// the context's error, and nothing is changed; once its function runs, the
// Update is carried through.
type Store interface {
	// ID is the lower-case UUID that the store got when it was made. It
	// stays the same through migrations, copies and restores.
	ID() string

	// View calls fn with a consistent picture of the store: what is
	// committed after it began, by whomever, is not seen in it. It returns
	// the error of fn as it is. It waits for no writer, but perhaps for
	// other Views: fn must not start one.
	View(ctx context.Context, fn func(Reader) error) error

	// Update calls fn and commits what it wrote together with the audit
	// events that it returned, at least one. Updates happen one after the
	// other, those of other processes included. When Update returns nil,
	// the commit is durable: it survives kill -9 and loss of power. When fn
	// returns an error, or the commit fails, nothing of it remains, and
	// that error is returned; the error of fn comes back as it is. Of
	// ErrUnsure alone something may remain.
	//
	// fn may be called more than once for one Update: it must work from
	// what it reads, and assign its results afresh each time. It may start
	// a View, but not an Update, which would wait for it. When fn panics,
	// nothing of it remains, and the panic goes on to the caller.
	Update(ctx context.Context, fn func(Tx) ([]audit.Event, error)) error

	// Touch moves LastUsed of secrets and credentials forward, and sets
	// FirstUsed where it is not set. It needs no event: what was used is in
	// the audit by itself. What is not there any more is passed over.
	Touch(ctx context.Context, uses []Use) error

	// Count adds n to a counter and returns what that made of it: nobody else
	// gets the same number. It needs no event: it counts what is too much for
	// the audit. When it returns, the commit is durable.
	Count(ctx context.Context, name string, n int64) (int64, error)

	// Close lets go of the store. Calls under way are finished first; later
	// ones return an error. A second Close does nothing.
	Close() error
}

// Reader reads records. Slices and maps that it returns belong to the caller.
// It is for one goroutine, and good until the function returns that got it.
type Reader interface {
	// Agent returns ErrNotFound when there is none with that id.
	Agent(id string) (Agent, error)
	// AgentByExternalID returns ErrNotFound when there is none.
	AgentByExternalID(externalID string) (Agent, error)
	// Agents returns a page, oldest agent first.
	Agents(q Query) (Page, error)

	// Secret returns ErrNotFound when the agent has none with that id.
	Secret(agentID, secretID string) (Secret, error)
	// Secrets returns the secrets of several agents, by agent id, newest
	// first: of each agent all that are live at now (unix seconds), and of
	// the others the newest `dead`. An unknown agent, or one without
	// secrets, is not in the map.
	Secrets(agentIDs []string, now int64, dead int) (map[string][]Secret, error)

	// Credential returns ErrNotFound when the agent has none of that kind
	// with that id.
	Credential(agentID string, kind Kind, id string) (Credential, error)
	// Credentials returns those of one kind of several agents, as Secrets
	// does.
	Credentials(agentIDs []string, kind Kind, now int64, dead int) (map[string][]Credential, error)

	// Role returns ErrNotFound when there is none with that id.
	Role(id string) (Role, error)
	// Roles returns a page, oldest role first, as Agents does. Of the fields
	// of conditions, roles have ID and DisplayName.
	Roles(q Query) (RolePage, error)
	// RolesOf returns the roles of several agents, by agent id, oldest first.
	// An unknown agent, or one without roles, is not in the map.
	RolesOf(agentIDs []string) (map[string][]Role, error)
	// Members returns who has a role, oldest agent first; of an unknown role
	// nobody.
	Members(roleID string) ([]Member, error)

	// Entries returns at most limit audit entries whose Seq is greater than
	// after, in order. In an Update, its own are not among them. Where a store
	// has several chains (audit.Chains), they are those of the chain that this
	// handle writes.
	Entries(after int64, limit int) ([]audit.Entry, error)
	// FindEntries returns the entries that a query asks for, in the order of
	// their Seq, of all chains.
	FindEntries(q EntryQuery) ([]audit.Entry, error)
	// LastEntry returns the newest audit entry of the chain that this handle
	// writes: every one has one.
	LastEntry() (audit.Entry, error)
	// Heads returns the newest audit entry of each chain, in the order of the
	// chains.
	Heads() ([]audit.Entry, error)

	// Client returns ErrNotFound when there is none with that id.
	Client(id string) (Client, error)
	// Clients returns all management clients, oldest first.
	Clients() ([]Client, error)
	// SigningKeys returns all, oldest first.
	SigningKeys() ([]SigningKey, error)
	// CAKeys returns all, oldest first.
	CAKeys() ([]CAKey, error)
	// Revocations returns those of certificates that end after now (unix
	// seconds), in the order in which they were made.
	Revocations(now int64) ([]Revocation, error)
	// Setting returns "" when it was never set.
	Setting(name string) (string, error)
	// Counter returns 0 when nothing was counted.
	Counter(name string) (int64, error)
	// Quarantined is what SetQuarantined said last, those of other processes
	// included; false in a new store. It costs nothing, so everybody can ask
	// in every transaction.
	Quarantined() bool
	// Spent reports whether one of the keys was spent and is not forgotten.
	Spent(keys ...string) (bool, error)
}

// Tx reads what is there, its own writes included, and writes. After ErrNotFound
// or ErrExists the function may go on; after any other error of its methods the
// Update fails with that error, even when the function takes no notice of it.
type Tx interface {
	Reader

	// AddAgent returns ErrExists when the id or the external id is taken.
	AddAgent(Agent) error
	// SetAgent replaces the agent with that id. It returns ErrNotFound when
	// there is none, ErrExists when the external id is another agent's.
	SetAgent(Agent) error
	// RemoveAgent removes the agent, its secrets and its credentials, and takes
	// it out of its roles. It returns ErrNotFound when there is none.
	RemoveAgent(id string) error

	// AddSecret returns ErrExists when the agent has, or had, one with that
	// id, and ErrNotFound when there is no such agent.
	AddSecret(Secret) error
	// SetSecret replaces the secret with that id. It returns ErrNotFound
	// when there is none.
	SetSecret(Secret) error

	// AddCredential returns ErrExists when the agent has, or had, one of that
	// kind with that id, and ErrNotFound when there is no such agent.
	AddCredential(Credential) error
	// SetCredential replaces the one of that kind with that id. It returns
	// ErrNotFound when there is none.
	SetCredential(Credential) error

	// AddRole returns ErrExists when the id or the name is taken.
	AddRole(Role) error
	// SetRole replaces the role with that id; who has it stays. It returns
	// ErrNotFound when there is none, ErrExists when the name is another's.
	SetRole(Role) error
	// RemoveRole takes the role from all who have it, and removes it. It
	// returns ErrNotFound when there is none.
	RemoveRole(id string) error
	// AddMember returns ErrExists when the agent has the role, and ErrNotFound
	// when there is no such role or agent.
	AddMember(roleID, agentID string) error
	// RemoveMember returns ErrNotFound when the agent does not have the role.
	RemoveMember(roleID, agentID string) error

	// AddClient returns ErrExists when the id or the name is taken.
	AddClient(Client) error
	// SetClient and RemoveClient return ErrNotFound when there is none.
	SetClient(Client) error
	RemoveClient(id string) error
	// SetSigningKey adds a key, or replaces the one with that id.
	SetSigningKey(SigningKey) error
	// RemoveSigningKey returns ErrNotFound when there is none.
	RemoveSigningKey(id string) error
	// SetCAKey adds a key, or replaces the one with that id.
	SetCAKey(CAKey) error
	// SetRevocation adds one, or replaces that of the same certificate, in
	// its place.
	SetRevocation(Revocation) error
	// SetSetting keeps a text under a name; "" removes it.
	SetSetting(name, value string) error
	// SetQuarantined marks the store, or takes the mark away, in a way that a
	// program that does not know of quarantines refuses the store as one of a
	// newer version.
	SetQuarantined(bool) error
	// RaiseEpochs adds n to the epoch of every agent and management client.
	RaiseEpochs(n int64) error
	// RemoveEntries removes the oldest audit entries of the chain that this
	// handle writes, up to the one with that
	// Seq, and returns the cut. The Update must return the event that records
	// it (audit.CutOf): else it fails with ErrNoEvent. It returns ErrNotFound,
	// and removes nothing, when there is no entry with that Seq.
	RemoveEntries(through int64) (audit.Cut, error)
	// Spend marks a key as used, once: it returns ErrExists when it was
	// spent before. The mark may be forgotten after expires.
	Spend(key string, expires time.Time) error
}
