package authority

import (
	"errors"
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Kind says why something was refused.
type Kind int

// The kinds.
const (
	Invalid       Kind = iota + 1 // the request contradicts itself or what is there
	Weak                          // the secret or the key that was chosen is too weak
	NoAgent                       // there is no such agent
	NoSecret                      // the agent has no such secret
	Exists                        // the external id is another agent's, the name another client's or role's
	Limit                         // the agent has as many live ones of that kind as it may
	UsedID                        // the id was given to another one of that kind before
	Dead                          // it is expired or revoked: nothing brings it back
	Blocked                       // a blocked agent does not rotate
	RevokedKind                   // a revoked agent must be reinstated first
	Stale                         // the caller's picture is not the present one
	NoPublicKey                   // the agent has no such public key
	NoCertificate                 // the agent has no such certificate
	NoCA                          // nothing here signs certificates
	NoRole                        // there is no such role
	NoClient                      // there is no such management client
	Beyond                        // a management client may do what the caller may not
	Outdated                      // the caller was deleted or revoked at this moment
	NoKey                         // there is no such signing key
	BadLogin                      // who wants to log in is not who it says, or may not
	BadTarget                     // a token was asked for an audience that is not the agent's
	BadScope                      // a token was asked for more scopes than fit into one
	BadToken                      // a token is not ours, or not any more
	Foreign                       // a token is somebody else's
	Throttled                     // too many failures
	BadFlow                       // a login through an application is not one that was begun here
	OldFlow                       // it was begun too long ago
	BadCode                       // an authorization code is not good, or not for who shows it
)

// What goes wrong with the store, for callers that do not know the store.
var (
	ErrBusy = store.ErrBusy // another process held the store for too long
	ErrFull = store.ErrFull // there is no space left
	// ErrUnavailable: the database does not answer.
	ErrUnavailable = store.ErrUnavailable
	ErrReadOnly    = store.ErrReadOnly // the store cannot be written
	ErrUnsure      = store.ErrUnsure   // the disk or the database failed: a change may be kept or not
	ErrForeign     = store.ErrForeign  // what is there is not a store of ours
	ErrNoStore     = store.ErrNoStore  // there is none

	ErrQuarantined = store.ErrQuarantined // nobody has accepted it since it was restored
)

// ErrCrowded is reported when more secrets that are slow to digest are set at
// once than can be digested in time. Nothing was changed.
var ErrCrowded = errors.New("too many secrets are waiting to be digested")

// Error is a refusal: the caller asked for something that the rules do not
// allow. Nothing was changed.
type Error struct {
	Kind    Kind
	Message string // what and why, for people; never a secret

	RetryAfter time.Duration // of Throttled: when to try again
}

func (e *Error) Error() string { return e.Message }

// asError is the refusal in an error.
func asError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

func isExists(err error) bool { return errors.Is(err, store.ErrExists) }

func refuse(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// noAgent turns the store's ErrNotFound into a refusal.
func noAgent(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(NoAgent, "There is no agent with the id %s.", id)
	}
	return err
}
