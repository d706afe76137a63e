package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// PrivateKeyJWT is the name of the method (RFC 7591 §2, OpenID Connect Core §9).
const PrivateKeyJWT = "private_key_jwt"

// candidate is a key that an assertion may be signed with.
type candidate struct {
	id     string
	public string // JWK
}

// verifyAssertion finds the key that signed an assertion that is good for this
// server, now, and of who logs in. A refusal is of kind BadLogin.
func (i *Issuer) verifyAssertion(ctx context.Context, s subject, l Login) (proof, error) {
	a, err := parseAssertion(l.Assertion.Reveal())
	if err == nil {
		err = a.judge(l.ID, i.audiences, i.a.Now())
	}
	if err != nil || s.name == "" {
		return proof{}, err
	}
	found, err := i.candidates(ctx, s, a)
	if err != nil {
		return proof{}, err
	}
	for _, c := range found {
		var k jose.JSONWebKey
		if err := json.Unmarshal([]byte(c.public), &k); err != nil {
			return proof{}, fmt.Errorf("read key %s of %s: %w", c.id, s.name, err)
		}
		if a.signedBy(k.Key) {
			return a.proof(c.id), nil
		}
	}
	return proof{}, badAssertion("its signature is not by %s", namedKey(a.kid))
}

// candidates are the live keys of the subject that the assertion can be signed
// with: the one that it names by kid or thumbprint, else all for its alg.
func (i *Issuer) candidates(ctx context.Context, s subject, a assertion) (out []candidate, err error) {
	now := i.a.Now()
	var further []store.Credential // that say where keys are
	var revoked []string           // thumbprints
	err = i.a.store.View(ctx, func(r store.Reader) error {
		all, err := s.credentials(r, store.KeyKind, now, 0)
		if err != nil {
			return err
		}
		var algs []string
		out, further, revoked = nil, nil, nil
		for _, k := range all {
			switch {
			case k.Source != "":
				further = append(further, k)
			case a.kid == "" || a.kid == k.ID || a.kid == k.Thumbprint:
				out, algs = append(out, candidate{k.ID, k.Public}), append(algs, k.Alg)
			}
		}
		if len(further) > 0 || len(out) == 0 {
			var dead string
			if dead, revoked, err = s.deadKeys(r, a.kid, now); err != nil {
				return err
			}
			if len(further)+len(out) == 0 && dead != "" {
				return badAssertion("the key %.200q is %s", a.kid, dead)
			}
		}
		out, err = choose(out, algs, a)
		return err
	})
	if refusal, refused := asError(err); err != nil && (!refused || refusal.Kind != BadLogin) || len(further) == 0 {
		return out, err
	}
	// Who names no key can mean one of those too.
	if len(out) > 0 && a.kid != "" {
		return out, nil
	}
	more, err := i.sources.find(ctx, further, a)
	if more, err = notRevoked(more, err, revoked); err != nil && len(out) == 0 {
		return nil, err
	}
	return append(out, more...), nil
}

// deadKeys tells what became of the key that a kid names, "" when there is no such
// one, and the thumbprints of those that were revoked.
func (s subject) deadKeys(r store.Reader, kid string, now time.Time) (dead string, revoked []string, err error) {
	all, err := s.credentials(r, store.KeyKind, now, everShown)
	for _, k := range all {
		if k.Live(now) {
			continue
		}
		if kid != "" && (kid == k.ID || kid == k.Thumbprint) {
			dead = string(lifeOf(k).status(now))
		}
		if !k.Revoked.IsZero() {
			revoked = append(revoked, k.Thumbprint)
		}
	}
	return dead, revoked, err
}

// notRevoked keeps those of the keys of an agent's sets that were not revoked
// here: what is revoked cannot be brought back by publishing it.
func notRevoked(found []candidate, err error, revoked []string) (out []candidate, _ error) {
	for _, c := range found {
		k, err := keys.FromJWK([]byte(c.public))
		if err != nil {
			return nil, fmt.Errorf("read a key of %s: %w", c.id, err)
		}
		if !slices.Contains(revoked, k.Thumbprint()) {
			out = append(out, c)
		}
	}
	if len(found) > 0 && len(out) == 0 {
		return nil, badAssertion("the key at its jwks_uri was revoked")
	}
	return out, err
}

// choose keeps those of the candidates that are bound to the algorithm of the
// assertion.
func choose(found []candidate, algs []string, a assertion) (out []candidate, err error) {
	for n, c := range found {
		if algs[n] == a.alg {
			out = append(out, c)
		}
	}
	switch {
	case len(found) == 0 && a.kid == "":
		return nil, badAssertion("there is no live key")
	case len(found) == 0:
		return nil, badAssertion("%s is none of its live keys", namedKey(a.kid))
	case len(out) == 0:
		slices.Sort(algs)
		return nil, badAssertion("alg is %s, and %s is for %v", a.alg, namedKey(a.kid), slices.Compact(algs))
	}
	return out, nil
}

func namedKey(kid string) string {
	if kid == "" {
		return "a live key"
	}
	return fmt.Sprintf("the key %.200q", kid)
}
