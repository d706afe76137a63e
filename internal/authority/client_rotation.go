package authority

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// ClientProof is what a management client signs in with beside a secret, or
// instead of one. Each may be left out.
type ClientProof struct {
	PublicKeyPEM string // private_key_jwt, as of NewPublicKey
	Alg          string // of that key
	// CertificatePEM or Subject is for mutual TLS, as of NewCertificate; not
	// both.
	CertificatePEM string
	Subject        Subject
}

// read reads what is there. What is wrong with it is told by name.
func (p ClientProof) read(created int64) (out []store.ClientKey, err error) {
	var found []store.Credential
	if p.PublicKeyPEM != "" {
		c, err := NewPublicKey{PEM: p.PublicKeyPEM, Alg: p.Alg}.read()
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	} else if p.Alg != "" {
		return nil, refuse(Invalid, "alg goes with a public key.")
	}
	if p.CertificatePEM != "" || p.Subject != (Subject{}) {
		c, _, err := NewCertificate{CertificatePEM: p.CertificatePEM, Subject: p.Subject}.read()
		if err != nil {
			return nil, err
		}
		c.Public = "" // it counts with its certificate only
		found = append(found, c)
	}
	for _, c := range found {
		out = append(out, store.ClientKey{
			ID: c.ID, Alg: c.Alg, Public: c.Public, Fingerprint: c.Fingerprint, Subject: c.Subject, Created: created, Expires: c.Expires,
		})
	}
	return out, nil
}

// noteKeys enters keys and certificates into an event.
func noteKeys(ev *audit.Event, all []store.ClientKey) {
	for _, k := range all {
		ev.Detail[string(k.Kind())] = k.ID
		maps.Copy(ev.Detail, k.Subject)
	}
}

// ClientRotation says what a management client gets to sign in with, and what
// ends for it: what is of a kind of which it gets a new one, and what is named.
type ClientRotation struct {
	Secret bool // it gets a new secret
	Proof  ClientProof
	// Grace is how long the newest of what ends lives on; others end at once.
	Grace time.Duration

	EndSecrets, EndKeys, EndCertificates bool
}

// RotateClient gives a management client something new to sign in with. A new
// secret, if there is one, is returned. Where nothing of a kind that ends lives
// on, every token of the client ends too. What would leave it with nothing to
// sign in with is refused.
func (a *Authority) RotateClient(ctx context.Context, p Principal, id string, n ClientRotation) (Client, secret.Text, error) {
	var out Client
	var value secret.Text
	base := audit.Event{Actor: p.Name, Action: audit.ClientRotate, Target: id}
	err := a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		c, err := tx.Client(id)
		if err != nil {
			return noClient(err, id)
		}
		if err := mayManage(tx, p, c); err != nil {
			return err
		}
		had := c.Keys
		n.end(&c, a.Now())
		before := len(c.Keys)
		if value, err = a.equip(&c, n.Proof, n.Secret); err != nil {
			return err
		}
		added := c.Keys[:len(c.Keys)-before]
		for _, k := range added {
			if slices.ContainsFunc(had, func(have store.ClientKey) bool { return have.ID == k.ID }) {
				return refuse(UsedID, "The management client has, or had, the %s %s already.", k.Kind(), k.ID)
			}
		}
		if n.Secret {
			ev.Detail["secret"] = c.Secrets[0].ID
		}
		noteKeys(ev, added)
		if ended := n.ended(); len(ended) > 0 {
			ev.Detail["ends"] = strings.Join(ended, " ")
		}
		switch {
		case n.gives():
		case len(n.ended()) == 0:
			return refuse(Invalid, "Nothing is asked for: neither something to sign in with, nor the end of something.")
		case !n.leaves(c):
			return refuse(Invalid, "The management client would have nothing left to sign in with: give it something else first, or delete it.")
		}
		out = c
		return tx.SetClient(c)
	}, nil)
	if err != nil {
		return Client{}, secret.Text{}, err
	}
	return out, value, nil
}

func (n ClientRotation) gives() bool { return n.Secret || n.Proof != (ClientProof{}) }

// ended names what ends although nothing of its kind comes.
func (n ClientRotation) ended() (kinds []string) {
	for _, k := range []struct {
		ends bool
		name string
	}{{n.EndSecrets && !n.Secret, "secrets"}, {n.endsKind(store.KeyKind) && n.Proof.PublicKeyPEM == "", "keys"},
		{n.endsKind(store.CertificateKind) && n.Proof.CertificatePEM == "" && n.Proof.Subject == (Subject{}), "certificates"}} {
		if k.ends {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

// endsKind reports whether what the client has of a kind ends.
func (n ClientRotation) endsKind(kind store.Kind) bool {
	switch kind {
	case store.KeyKind:
		return n.EndKeys || n.Proof.PublicKeyPEM != ""
	case store.CertificateKind:
		return n.EndCertificates || n.Proof.CertificatePEM != "" || n.Proof.Subject != (Subject{})
	}
	return n.EndSecrets || n.Secret
}

// leaves reports whether the client has something that does not end by this, and
// is not in its grace either.
func (n ClientRotation) leaves(c Client) bool {
	for _, k := range c.Keys {
		if !n.endsKind(k.Kind()) && !k.Retiring {
			return true
		}
	}
	lasting := func(s store.ClientSecret) bool { return s.Expires == 0 }
	return !n.endsKind("") && slices.ContainsFunc(c.Secrets, lasting)
}

// end ends what is to end, and forgets what is dead.
func (n ClientRotation) end(c *Client, now time.Time) {
	over := now.Add(max(0, n.Grace)).Unix()
	secrets := superseded(c.Secrets, n.endsKind(""), over, now, func(s *store.ClientSecret) (*int64, *bool) { return &s.Expires, new(bool) })
	var kept []store.ClientKey
	outlived := len(c.Secrets) == 0 || !n.endsKind("") || len(secrets) > 0
	for _, kind := range []store.Kind{store.KeyKind, store.CertificateKind} {
		var of []store.ClientKey
		for _, k := range c.Keys {
			if k.Kind() == kind {
				of = append(of, k)
			}
		}
		left := superseded(of, n.endsKind(kind), over, now, func(k *store.ClientKey) (*int64, *bool) { return &k.Expires, &k.Retiring })
		outlived = outlived && (len(of) == 0 || !n.endsKind(kind) || len(left) > 0)
		kept = append(kept, left...)
	}
	if !outlived {
		c.Epoch++
	}
	c.Secrets, c.Keys = secrets, kept
}

// superseded keeps of what ends the newest until it is over, and of what does
// not all that is live.
func superseded[T any](all []T, ends bool, over int64, now time.Time, end func(*T) (at *int64, retiring *bool)) (kept []T) {
	for _, each := range all {
		at, retiring := end(&each)
		if ends {
			*at, *retiring = earlier(*at, over), true
		}
		if live := *at == 0 || now.Unix() < *at; live && (!ends || len(kept) < maxClientLive-1) {
			kept = append(kept, each)
		}
	}
	return kept
}
