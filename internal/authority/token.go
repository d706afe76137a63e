package authority

import (
	"context"
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

// Token is an access token.
type Token struct {
	Value secret.Text
	Life  time.Duration
	Scope string // what was granted; "" for none
	ID    string // jti
}

// Claims are those of an access token (RFC 9068 §2.2).
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	ClientID string   `json:"client_id"`
	Audience []string `json:"aud"`
	Scope    string   `json:"scope,omitempty"`
	ID       string   `json:"jti"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	// AuthorizedUser is AGENT for agents, as on WSO2, APPLICATION for
	// management clients.
	AuthorizedUser string `json:"aut"`
	// Epoch and Credential tie the token to what it was made with: it ends
	// when the epoch of its subject grows, or that credential is revoked.
	Epoch      int64  `json:"agentcreds_epoch"`
	Credential string `json:"agentcreds_credential"`
}

// Kinds of subjects, as WSO2 names them in the claim aut.
const (
	autAgent       = "AGENT"
	autApplication = "APPLICATION"
)

// Agent reports whether the token is an agent's.
func (c Claims) Agent() bool { return c.AuthorizedUser == autAgent }

// issue signs a token and enters the login into the audit. In that transaction
// it makes sure that nothing was revoked since the secret was looked at: once a
// revocation is answered, nobody gets a token any more.
func (i *Issuer) issue(ctx context.Context, s subject, credential string, l Login) (Token, error) {
	scope, audiences, err := s.grant(l)
	if err != nil {
		return Token{}, err
	}
	signer, err := i.signer(ctx)
	if err != nil {
		return Token{}, err
	}
	now := i.a.Now()
	c := Claims{
		Issuer: i.url, Subject: s.id, ClientID: s.id, Audience: audiences, Scope: scope, ID: newID(),
		IssuedAt: now.Unix(), Expires: now.Add(i.life).Unix(), AuthorizedUser: autApplication, Epoch: s.epoch, Credential: credential,
	}
	ev := audit.Event{
		Actor: s.name, Action: audit.TokenIssue, Target: credential,
		Detail: map[string]string{"method": l.Method, "address": l.Address, "jti": c.ID, "scope": scope},
	}
	if s.agent {
		c.AuthorizedUser, ev.AgentID = autAgent, s.id
	}
	value, err := sign(signer, c)
	if err != nil {
		return Token{}, err
	}
	err = i.a.store.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		present, err := i.read(tx, s.id)
		if err != nil {
			return nil, err
		}
		if present.epoch != s.epoch || present.blocked != "" || !slices.ContainsFunc(present.secrets, func(d digest) bool { return d.id == credential }) {
			return nil, refuse(BadLogin, "it was revoked at this moment")
		}
		return []audit.Event{ev}, nil
	})
	if err != nil {
		return Token{}, err
	}
	if s.agent {
		i.uses.note(store.Use{AgentID: s.id, SecretID: credential, At: now})
	}
	return Token{Value: value, Life: i.life, Scope: scope, ID: c.ID}, nil
}

func sign(signer jose.Signer, c Claims) (secret.Text, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return secret.Text{}, fmt.Errorf("encode a token: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return secret.Text{}, fmt.Errorf("sign a token: %w", err)
	}
	text, err := signed.CompactSerialize()
	return secret.New(text), err
}

// maxToken bounds what is parsed: ours are below 1 KiB.
const maxToken = 16 << 10

// Inspect tells what a token says, if it is in force: signed by a key of ours
// that is not withdrawn, not expired, of a subject whose epoch is still the
// same, made with a credential that was not revoked, and not revoked itself.
// Else the error is an *Error of kind BadToken with the reason.
func (i *Issuer) Inspect(ctx context.Context, token secret.Text) (Claims, error) {
	text := token.Reveal()
	if len(text) > maxToken {
		return Claims{}, refuse(BadToken, "the token is too long")
	}
	algs := make([]jose.SignatureAlgorithm, len(Algorithms))
	for n, alg := range Algorithms {
		algs[n] = jose.SignatureAlgorithm(alg)
	}
	signed, err := jose.ParseSignedCompact(text, algs)
	if err != nil || len(signed.Signatures) != 1 {
		return Claims{}, refuse(BadToken, "the token is not a JWT of ours")
	}
	var c Claims
	err = i.a.store.View(ctx, func(r store.Reader) error {
		if c, err = i.decode(r, signed); err != nil {
			return err
		}
		return i.inForce(r, c)
	})
	if err != nil {
		return Claims{}, err
	}
	return c, nil
}

// decode checks the signature by the key that the token names.
func (i *Issuer) decode(r store.Reader, signed *jose.JSONWebSignature) (Claims, error) {
	header := signed.Signatures[0].Protected
	keys, err := r.SigningKeys()
	if err != nil {
		return Claims{}, err
	}
	at := slices.IndexFunc(keys, func(k store.SigningKey) bool { return k.ID == header.KeyID && k.Alg == header.Algorithm })
	if at < 0 || !i.published(keys, keys[at], i.a.Now()) {
		return Claims{}, refuse(BadToken, "the key of the token is not one of ours")
	}
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(strings.TrimPrefix(kind, "application/"), "at+jwt") {
		return Claims{}, refuse(BadToken, "the token is not an access token")
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(keys[at].Public), &key); err != nil {
		return Claims{}, fmt.Errorf("read signing key %s: %w", keys[at].ID, err)
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

// inForce checks a token of ours against what was revoked since.
func (i *Issuer) inForce(r store.Reader, c Claims) error {
	if c.Issuer != i.url || i.a.Now().Unix() >= c.Expires {
		return refuse(BadToken, "the token has expired, or is another issuer's")
	}
	spent, err := r.Spent(revokedKey(c.ID))
	if err != nil {
		return err
	}
	if spent {
		return refuse(BadToken, "the token was revoked")
	}
	s, err := i.read(r, c.Subject)
	switch {
	case err != nil:
		return err
	case s.name == "" || s.agent != c.Agent():
		return refuse(BadToken, "the subject of the token is gone")
	case s.epoch != c.Epoch || s.blocked != "":
		return refuse(BadToken, "the subject of the token was blocked or revoked since")
	case !s.agent:
		return nil // a rotated client's tokens end with its epoch
	}
	have, err := r.Secret(c.Subject, c.Credential)
	if err != nil {
		return noSecret(err, c.Subject, c.Credential)
	}
	if !have.Revoked.IsZero() {
		return refuse(BadToken, "the credential that the token was made with was revoked")
	}
	return nil
}

// RevokeToken ends one token. What is not in force anyway is no error (RFC
// 7009 §2.2); a token of somebody else is BadLogin.
func (i *Issuer) RevokeToken(ctx context.Context, by string, token secret.Text) error {
	c, err := i.Inspect(ctx, token)
	if refusal, ok := asError(err); ok && refusal.Kind != BadLogin {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Subject != by {
		return refuse(BadLogin, "the token is somebody else's")
	}
	base := audit.Event{Actor: "agent:" + by, Action: audit.TokenRevoke, AgentID: by, Target: c.Credential}
	if !c.Agent() {
		base.Actor, base.AgentID = ClientPrincipal(by), ""
	}
	return i.a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		ev.Detail["jti"] = c.ID
		err := tx.Spend(revokedKey(c.ID), time.Unix(c.Expires, 0))
		if isExists(err) {
			return errUnchanged
		}
		return err
	}, nil)
}

func revokedKey(jti string) string { return "token " + jti }

// Scopes are the scopes of the token.
func (c Claims) Scopes() []string { return strings.Fields(c.Scope) }
