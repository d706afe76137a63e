package authority

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// maxToken bounds what is parsed: ours are shorter (see maxScope, and an agent
// has 100 audiences at most).
const maxToken = 48 << 10

// Inspect tells what a token says, if it is in force: signed by a key of ours
// that is not withdrawn, not expired, of a subject whose epoch is still the
// same, made with a credential that was not revoked, and not revoked itself.
// Else the error is an *Error of kind BadToken with the reason.
func (i *Issuer) Inspect(ctx context.Context, token secret.Text) (Claims, error) {
	c, _, err := i.inspect(ctx, token)
	return c, err
}

// CallerByToken finds out who calls by a token, which must be for this issuer:
// one that was made for another audience is that one's to show nobody. bound is
// the x5t#S256 of the certificate that the caller has connected with, "" without
// one: a token that is bound to a certificate counts only with that.
func (i *Issuer) CallerByToken(ctx context.Context, token secret.Text, bound string) (Caller, error) {
	c, s, err := i.inspect(ctx, token)
	switch {
	case err != nil:
		return Caller{}, err
	case !c.ShownWith(bound):
		return Caller{}, refuse(BadToken, "the token is bound to a certificate that was not shown")
	case !slices.Contains(c.Audience, i.url) && !slices.Contains(c.Audience, i.ManagementAudience()):
		return Caller{}, refuse(BadToken, "the token is for another audience")
	}
	return s.caller(c.Scopes()), nil
}

func (i *Issuer) inspect(ctx context.Context, token secret.Text) (c Claims, s subject, err error) {
	signed, err := parseToken(token.Reveal())
	if err != nil {
		return Claims{}, subject{}, err
	}
	err = i.a.store.View(ctx, func(r store.Reader) error {
		var err error
		if c, err = i.decode(r, signed); err != nil {
			return err
		}
		s, err = i.inForce(r, c)
		return err
	})
	if err != nil {
		return Claims{}, subject{}, err
	}
	return c, s, nil
}

// parseToken reads the one form that a token of ours has. What decodes to the
// same, with other spare bits at the end of a part or with line ends in it, is
// not a token of ours.
func parseToken(text string) (*jose.JSONWebSignature, error) {
	ours := len(text) <= maxToken && !strings.ContainsAny(text, "\r\n")
	for part := range strings.SplitSeq(text, ".") {
		if ours {
			_, err := base64.RawURLEncoding.Strict().DecodeString(part)
			ours = err == nil
		}
	}
	if !ours {
		return nil, refuse(BadToken, "the token is not a JWT of ours")
	}
	algs := make([]jose.SignatureAlgorithm, len(Algorithms))
	for n, alg := range Algorithms {
		algs[n] = jose.SignatureAlgorithm(alg)
	}
	signed, err := jose.ParseSignedCompact(text, algs)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, refuse(BadToken, "the token is not a JWT of ours")
	}
	return signed, nil
}

// decode checks the signature by the key that the token names.
func (i *Issuer) decode(r store.Reader, signed *jose.JSONWebSignature) (Claims, error) {
	header := signed.Signatures[0].Protected
	keys, err := r.SigningKeys()
	if err != nil {
		return Claims{}, err
	}
	at := slices.IndexFunc(keys, func(k store.SigningKey) bool { return k.ID == header.KeyID && k.Alg == header.Algorithm })
	if at < 0 || !published(keys, at, i.a.Now()) {
		return Claims{}, refuse(BadToken, "the key of the token is not one of ours")
	}
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); kind != tokenType {
		return Claims{}, refuse(BadToken, "the token is not an access token")
	}
	key, err := i.public(keys[at])
	if err != nil {
		return Claims{}, err
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return Claims{}, refuse(BadToken, "the signature of the token is wrong")
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, refuse(BadToken, "the claims of the token cannot be read")
	}
	return c, nil
}

// inForce checks a token of ours against what was revoked since, and tells
// whose it is.
func (i *Issuer) inForce(r store.Reader, c Claims) (subject, error) {
	if c.Issuer != i.url || i.a.Now().Unix() >= c.Expires {
		return subject{}, refuse(BadToken, "the token has expired, or is another issuer's")
	}
	marks := []string{revokedKey(c.ID)}
	if c.Family != "" {
		marks = append(marks, familyKey(c.Family))
	}
	spent, err := r.Spent(marks...)
	if err != nil {
		return subject{}, err
	}
	if spent {
		return subject{}, refuse(BadToken, "the token was revoked")
	}
	s, err := i.read(r, c.Subject)
	switch {
	case err != nil:
		return subject{}, err
	case s.name == "" || s.agent != c.Agent():
		return subject{}, refuse(BadToken, "the subject of the token is gone")
	case s.epoch != c.Epoch || s.blocked != "":
		return subject{}, refuse(BadToken, "the subject of the token was blocked or revoked since")
	case !s.agent || s.has(c.Credential):
		return s, nil // what ends the tokens of a management client is its epoch
	}
	// A token is in force unless what it was made with was revoked, which the
	// end of a grace is not.
	revoked, err := i.revoked(r, c.Subject, parseProof(c.Credential))
	if err != nil {
		return subject{}, err
	}
	if revoked {
		return subject{}, refuse(BadToken, "the credential that the token was made with was revoked")
	}
	return s, nil
}

// RevokeToken ends one token. What is not in force anyway is no error (RFC
// 7009 §2.2); a token of somebody else is Foreign.
func (i *Issuer) RevokeToken(ctx context.Context, by Caller, token secret.Text) error {
	c, err := i.Inspect(ctx, token)
	if _, ok := asError(err); ok {
		return nil
	}
	if err != nil {
		return err
	}
	base := audit.Event{Actor: by.principal(), Action: audit.TokenRevoke, Target: parseProof(c.Credential).id}
	if c.Agent() {
		base.AgentID = c.Subject
	}
	return i.a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		if c.Subject != by.ID {
			return refuse(Foreign, "The token is somebody else's.")
		}
		ev.Detail["jti"] = c.ID
		err := tx.Spend(revokedKey(c.ID), time.Unix(c.Expires, 0))
		if isExists(err) {
			return errUnchanged
		}
		return err
	}, nil)
}

func revokedKey(jti string) string { return "token " + jti }

// public is the public half of a key, parsed once.
func (i *Issuer) public(k store.SigningKey) (jose.JSONWebKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if known, ok := i.publics[k.ID]; ok {
		return known, nil
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(k.Public), &key); err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("read signing key %s: %w", k.ID, err)
	}
	i.publics[k.ID] = key
	return key, nil
}
