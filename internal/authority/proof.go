package authority

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// proof is what somebody has logged in with.
type proof struct {
	kind store.Kind // "" for a secret
	id   string
	// once is what is good once, until over: the mark of an assertion. ""
	// for what may be shown again.
	once string
	over time.Time
	// method is what it was, where the login could not know.
	method string
	// bound is the x5t#S256 of the certificate that a token is bound to; ""
	// for none.
	bound string
}

// none reports whether there is no proof.
func (p proof) none() bool { return p.id == "" }

// methodOf is the method by which it was shown.
func (p proof) methodOf(l Login) string { return cmp.Or(p.method, l.Method) }

// String is how tokens and codes name it: secrets by their id, which is a UUID
// and has no colon.
func (p proof) String() string {
	if p.kind == "" {
		return p.id
	}
	return string(p.kind) + ":" + p.id
}

func parseProof(text string) proof {
	for _, kind := range []store.Kind{store.KeyKind, store.CertificateKind} {
		if id, ok := strings.CutPrefix(text, string(kind)+":"); ok {
			return proof{kind: kind, id: id}
		}
	}
	return proof{id: text}
}

// spend marks what is good once as used.
func (p proof) spend(tx store.Tx) error {
	if p.once == "" {
		return nil
	}
	err := tx.Spend(p.once, p.over)
	if isExists(err) {
		return refuse(BadLogin, "its jti was used before")
	}
	return err
}

// holds reports whether the proof is one of the live ones of the subject.
func (i *Issuer) holds(r store.Reader, s subject, p proof) (bool, error) {
	if p.kind == "" {
		return s.has(p.id), nil
	}
	c, err := s.credential(r, p.kind, p.id)
	if err != nil {
		return false, orNone(err)
	}
	return c.Live(i.a.Now()), nil
}

// revoked reports whether the proof of an agent was revoked, which the end of a
// grace is not.
func (i *Issuer) revoked(r store.Reader, agentID string, p proof) (bool, error) {
	if p.kind == "" {
		s, err := r.Secret(agentID, p.id)
		return err != nil || !s.Revoked.IsZero(), orNone(err)
	}
	c, err := r.Credential(agentID, p.kind, p.id)
	return err != nil || !c.Revoked.IsZero(), orNone(err)
}

// orNone passes over ErrNotFound: what is not there is not held.
func orNone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
