package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/jsontext"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Token is an access token.
type Token struct {
	Value secret.Text
	Life  time.Duration
	Scope string // what was granted; "" for none
	Asked bool   // scopes were asked for
	ID    string // jti
	// IDToken tells the application which agent logged in, when it asked for
	// the scope openid; zero for none.
	IDToken secret.Text
}

// Claims are those of an access token (RFC 9068 §2.2).
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	ClientID string   `json:"client_id"`
	Audience Audience `json:"aud"`
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
	// Confirmation binds the token to the certificate that its subject
	// logged in with (RFC 8705 §3.1).
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Family ties the token to the authorization code that it was made from;
	// "" for none. It ends when somebody uses that code again.
	Family string `json:"agentcreds_family,omitempty"`
}

// appendTo appends the JSON form, as encoding/json makes it: each token has one.
func (c Claims) appendTo(b []byte) []byte {
	text := func(name, value string) { b = jsontext.Append(append(b, name...), value) }
	number := func(name string, n int64) { b = strconv.AppendInt(append(b, name...), n, 10) }
	optional := func(name, value string) {
		if value != "" {
			text(name, value)
		}
	}
	text(`{"iss":`, c.Issuer)
	text(`,"sub":`, c.Subject)
	text(`,"client_id":`, c.ClientID)
	b = c.Audience.appendTo(append(b, `,"aud":`...))
	optional(`,"scope":`, c.Scope)
	text(`,"jti":`, c.ID)
	number(`,"iat":`, c.IssuedAt)
	number(`,"exp":`, c.Expires)
	text(`,"aut":`, c.AuthorizedUser)
	number(`,"agentcreds_epoch":`, c.Epoch)
	text(`,"agentcreds_credential":`, c.Credential)
	if c.Confirmation != nil {
		text(`,"cnf":{"x5t#S256":`, c.Confirmation.X5T)
		b = append(b, '}')
	}
	optional(`,"agentcreds_family":`, c.Family)
	return append(b, '}')
}

// Confirmation says who may show a token.
type Confirmation struct {
	X5T string `json:"x5t#S256"` // SHA-256 of the certificate, base64url
}

// Audience is a claim that is a string where there is one, which is what most
// verifiers expect, and else a list; RFC 7519 §4.1.3 has both.
type Audience []string

// MarshalJSON writes a string or a list.
func (a Audience) MarshalJSON() ([]byte, error) { return a.appendTo(nil), nil }

func (a Audience) appendTo(b []byte) []byte {
	switch {
	case a == nil:
		return append(b, "null"...)
	case len(a) == 1:
		return jsontext.Append(b, a[0])
	}
	b = append(b, '[')
	for n, one := range a {
		if n > 0 {
			b = append(b, ',')
		}
		b = jsontext.Append(b, one)
	}
	return append(b, ']')
}

// UnmarshalJSON reads a string or a list.
func (a *Audience) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// Kinds of subjects, as WSO2 names them in the claim aut.
const (
	autAgent       = "AGENT"
	autApplication = "APPLICATION"
)

// Agent reports whether the token is an agent's.
func (c Claims) Agent() bool { return c.AuthorizedUser == autAgent }

// issue gives a token to who was read and authenticated.
func (i *Issuer) issue(ctx context.Context, s subject, p proof, l Login) (Token, error) {
	if _, _, err := i.grant(s, l); err != nil {
		return Token{}, err // before a first key is made for it
	}
	for {
		key, err := i.signer(ctx)
		if err != nil {
			return Token{}, err
		}
		t, err := i.give(ctx, s, key, p, l, nil)
		if !errors.Is(err, errGuess) { // else the key was withdrawn, or another's time has come
			return t, err
		}
	}
}

// give signs a token and enters the login into the audit. In that transaction
// it makes sure that nothing was revoked since the secret was looked at: once a
// revocation is answered, nobody gets a token any more. guess, if not nil, is
// what s was remembered as.
func (i *Issuer) give(ctx context.Context, s subject, key signing, p proof, l Login, guess *known) (Token, error) {
	scope, audiences, err := i.grant(s, l)
	if err != nil {
		return Token{}, err
	}
	now := i.a.Now()
	c := Claims{
		Issuer: i.url, Subject: s.id, ClientID: s.id, Audience: audiences, Scope: scope, ID: newID(),
		IssuedAt: now.Unix(), Expires: now.Add(i.life).Unix(), AuthorizedUser: autApplication, Epoch: s.epoch, Credential: p.String(),
	}
	ev := s.event(audit.TokenIssue, p, l)
	ev.Detail["jti"], ev.Detail["scope"], ev.Detail["aud"] = c.ID, scope, strings.Join(audiences, " ")
	if s.agent {
		c.AuthorizedUser = autAgent
	}
	if p.bound != "" {
		c.Confirmation = &Confirmation{p.bound}
		ev.Detail["x5t#S256"] = p.bound
	}
	if l.code != nil {
		c.ClientID, c.Family = l.code.Client, l.code.Family
		ev.Detail["client_id"], ev.Detail["family"] = c.ClientID, c.Family
	}
	value, err := sign(key.signer, c)
	if err != nil {
		return Token{}, err
	}
	var learned known
	var signed signing
	err = i.a.store.Update(ctx, func(tx store.Tx) (_ []audit.Event, err error) {
		if guess != nil {
			learned, signed, err = i.confirm(tx, *guess, key, p, l)
		} else {
			learned, signed, err = i.present(tx, s, key, p, l)
		}
		if err != nil {
			return nil, err
		}
		if err := l.code.spend(tx); err != nil {
			return nil, err
		}
		if err := p.spend(tx); err != nil {
			return nil, err
		}
		return []audit.Event{ev}, nil
	})
	if err != nil {
		return Token{}, err
	}
	i.used(s, p)
	if l.code == nil && (guess == nil || learned.version != guess.version) {
		i.recent.put(learned)
		i.signs.Store(&signed)
	}
	return Token{Value: value, Life: i.life, Scope: scope, Asked: len(l.Scopes) > 0, ID: c.ID}, nil
}

// still makes sure, in the transaction that takes a login, that nothing was
// revoked since what is shown was looked at, and returns who logs in as it is now.
func (i *Issuer) still(tx store.Tx, s subject, p proof, l Login) (subject, error) {
	present, err := i.read(tx, s.id)
	if err != nil {
		return subject{}, err
	}
	holds, err := i.holds(tx, present, p)
	if err != nil {
		return subject{}, err
	}
	if present.name != s.name || present.epoch != s.epoch || present.blocked != "" || !holds {
		return subject{}, refuse(BadLogin, "it was revoked at this moment")
	}
	if reason := present.refuses(l, p, nil); reason != "" && l.code == nil {
		return subject{}, refuse(BadLogin, "%s, as of this moment", reason)
	}
	return present, nil
}

func sign(signer signer, c Claims) (secret.Text, error) {
	text, err := signer.sign(c.appendTo(make([]byte, 0, 512)))
	if err != nil {
		return secret.Text{}, fmt.Errorf("sign a token: %w", err)
	}
	return secret.New(text), nil
}

// Scopes are the scopes of the token.
func (c Claims) Scopes() []string { return strings.Fields(c.Scope) }

// ShownWith reports whether the token counts where the caller has connected with
// the certificate of that x5t#S256, "" for none (RFC 8705 §3).
func (c Claims) ShownWith(bound string) bool {
	return c.Confirmation == nil || c.Confirmation.X5T == bound
}
