package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

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
	signed, err := jose.ParseSignedCompact(a.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.alg)})
	if err != nil {
		return proof{}, badAssertion("it cannot be read as a JWS")
	}
	for _, c := range found {
		var k jose.JSONWebKey
		if err := json.Unmarshal([]byte(c.public), &k); err != nil {
			return proof{}, fmt.Errorf("read key %s of %s: %w", c.id, s.name, err)
		}
		if _, err := signed.Verify(k.Key); err == nil {
			return proof{
				kind: store.KeyKind, id: c.id, once: a.mark(),
				// A mark is kept as long as the assertion could be shown.
				over: a.exp.Add(assertionSkew + time.Second),
			}, nil
		}
	}
	return proof{}, badAssertion("its signature is not by %s", namedKey(a.kid))
}

// candidates are the live keys of the subject that the assertion can be signed
// with: the one that it names by kid or thumbprint, else all for its alg.
func (i *Issuer) candidates(ctx context.Context, s subject, a assertion) (out []candidate, err error) {
	now := i.a.Now()
	var further []store.Credential // that say where keys are
	err = i.a.store.View(ctx, func(r store.Reader) error {
		all, err := s.credentials(r, store.KeyKind, now, 0)
		if err != nil {
			return err
		}
		var algs []string
		out, further = nil, nil
		for _, k := range all {
			if k.Source != "" {
				further = append(further, k)
			}
			if k.Public != "" && (a.kid == "" || a.kid == k.ID || a.kid == k.Thumbprint) {
				out, algs = append(out, candidate{k.ID, k.Public}), append(algs, k.Alg)
			}
		}
		if len(out) == 0 && len(further) > 0 {
			return nil
		}
		if len(out) == 0 && a.kid != "" {
			if dead, err := s.credential(r, store.KeyKind, a.kid); err == nil {
				return badAssertion("the key %.200q is %s", a.kid, lifeOf(dead).status(now))
			}
		}
		out, err = choose(out, algs, a)
		return err
	})
	for _, c := range further {
		if err == nil && len(out) == 0 {
			out, err = i.sources.find(ctx, c, a)
		}
		if _, refused := asError(err); refused && c.ID != further[len(further)-1].ID {
			err = nil // the older one, in its grace
		}
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
