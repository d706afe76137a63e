package authority

import (
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// life is what the rules of rotation look at in a secret, a key or a
// certificate: they are the same for all.
type life struct {
	id       string
	created  int64 // unix milliseconds
	expires  int64 // unix seconds; 0 never
	retiring bool
	ends     int64 // of a retiring one, as expires
	revoked  time.Time
	notAfter int64 // of a certificate, as expires: no expiry goes beyond it
}

func (l life) live(now time.Time) bool {
	return l.revoked.IsZero() && (l.expires == 0 || now.Unix() < l.expires)
}

func (l life) status(now time.Time) Status {
	switch {
	case !l.revoked.IsZero():
		return StatusRevoked
	case !l.live(now):
		return StatusExpired
	case l.retiring:
		return StatusRetiring
	default:
		return StatusActive
	}
}

func lifeOfSecret(s store.Secret) life {
	return life{s.ID, s.Created, s.Expires, s.Retiring, s.Ends, s.Revoked, 0}
}

func lifeOf(c store.Credential) life {
	return life{c.ID, c.Created, c.Expires, c.Retiring, c.Ends, c.Revoked, c.NotAfter}
}

// shelf is the secrets, the keys or the certificates of agents: where the rules
// of rotation find and change them.
type shelf struct {
	word           string // "secret", or the kind of the credential
	missing        Kind   // of the refusal when one is not there
	create         audit.Action
	expire, revoke audit.Action

	read func(r store.Reader, agentID, id string) (life, error)
	list func(r store.Reader, agentID string, now int64, dead int) ([]life, error)
	set  func(tx store.Tx, agentID string, l life) error
}

var secretShelf = shelf{
	word: "secret", missing: NoSecret, create: audit.SecretCreate, expire: audit.SecretExpire, revoke: audit.SecretRevoke,
	read: func(r store.Reader, agentID, id string) (life, error) {
		s, err := r.Secret(agentID, id)
		return lifeOfSecret(s), err
	},
	list: func(r store.Reader, agentID string, now int64, dead int) ([]life, error) {
		found, err := r.Secrets([]string{agentID}, now, dead)
		return lives(found[agentID], lifeOfSecret), err
	},
	set: func(tx store.Tx, agentID string, l life) error {
		s, err := tx.Secret(agentID, l.id)
		if err != nil {
			return err
		}
		s.Expires, s.Retiring, s.Ends, s.Revoked = l.expires, l.retiring, l.ends, l.revoked
		return tx.SetSecret(s)
	},
}

var (
	keyShelf         = credentialShelf(store.KeyKind, NoPublicKey, audit.PublicKeyCreate, audit.PublicKeyExpire, audit.PublicKeyRevoke)
	certificateShelf = credentialShelf(store.CertificateKind, NoCertificate, audit.CertificateCreate, audit.CertificateExpire, audit.CertificateRevoke)
	shelves          = []shelf{secretShelf, keyShelf, certificateShelf}
)

func credentialShelf(kind store.Kind, missing Kind, create, expire, revoke audit.Action) shelf {
	return shelf{
		word: string(kind), missing: missing, create: create, expire: expire, revoke: revoke,
		read: func(r store.Reader, agentID, id string) (life, error) {
			c, err := r.Credential(agentID, kind, id)
			return lifeOf(c), err
		},
		list: func(r store.Reader, agentID string, now int64, dead int) ([]life, error) {
			found, err := r.Credentials([]string{agentID}, kind, now, dead)
			return lives(found[agentID], lifeOf), err
		},
		set: func(tx store.Tx, agentID string, l life) error {
			c, err := tx.Credential(agentID, kind, l.id)
			if err != nil {
				return err
			}
			before := c
			c.Expires, c.Retiring, c.Ends, c.Revoked = l.expires, l.retiring, l.ends, l.revoked
			if err := enlist(tx, before, c); err != nil {
				return err
			}
			return tx.SetCredential(c)
		},
	}
}

func lives[T any](records []T, of func(T) life) []life {
	out := make([]life, len(records))
	for i, r := range records {
		out[i] = of(r)
	}
	return out
}

// none turns the store's ErrNotFound into a refusal.
func (sh shelf) none(err error, agentID, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(sh.missing, "Agent %s has no %s with the id %s.", agentID, sh.word, id)
	}
	return err
}

// newest is the id of the newest of an agent, live or not; "" for none.
func (sh shelf) newest(r store.Reader, agentID string, now time.Time) (string, error) {
	found, err := sh.list(r, agentID, now.Unix(), 1)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].id, nil
}

// credential reads the key or certificate of an agent that has that id, and tells
// whether it is the newest on its shelf.
func (sh shelf) credential(r store.Reader, agentID, id string, now time.Time) (c store.Credential, latest bool, err error) {
	if _, err := r.Agent(agentID); err != nil {
		return c, false, noAgent(err, agentID)
	}
	if c, err = r.Credential(agentID, store.Kind(sh.word), id); err != nil {
		return c, false, sh.none(err, agentID, id)
	}
	newest, err := sh.newest(r, agentID, now)
	return c, newest == id, err
}

// change changes the one that the event is about.
func (sh shelf) change(tx store.Tx, ev audit.Event, change func(*life) error) error {
	if _, err := tx.Agent(ev.AgentID); err != nil {
		return noAgent(err, ev.AgentID)
	}
	l, err := sh.read(tx, ev.AgentID, ev.Target)
	if err != nil {
		return sh.none(err, ev.AgentID, ev.Target)
	}
	if err := change(&l); err != nil {
		return err
	}
	return sh.set(tx, ev.AgentID, l)
}

// end revokes one, and names it in the event. One that has expired too: the tokens
// that were made with it are in force until it is revoked.
func (sh shelf) end(tx store.Tx, agentID string, l life, now time.Time, ev *audit.Event) error {
	if !l.revoked.IsZero() {
		return nil
	}
	l.revoked = now
	ev.Detail["revoked:"+l.id] = sh.word
	return sh.set(tx, agentID, l)
}

// endAll revokes the live ones of an agent.
func (sh shelf) endAll(tx store.Tx, agentID string, now time.Time, ev *audit.Event) error {
	found, err := sh.list(tx, agentID, now.Unix(), 0)
	for _, l := range found {
		if err := sh.end(tx, agentID, l, now, ev); err != nil {
			return err
		}
	}
	return err
}
