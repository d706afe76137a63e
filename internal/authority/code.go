package authority

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// code is an authorization code. The server remembers only that it was used:
// the rest is in the code itself, sealed.
type code struct {
	AppRequest
	Agent      string `json:"agent"`
	Epoch      int64  `json:"epoch"`
	Credential string `json:"credential"` // with which the agent logged in
	Family     string `json:"family"`     // of the tokens that are made from it
	Expires    int64  `json:"expires"`
}

func codeKey(family string) string   { return "code " + family }
func familyKey(family string) string { return "family " + family }

// over is when nothing that was made from the code can be in force any more.
func (c *code) over() time.Time { return time.Unix(c.Expires, 0).Add(maxTokenLife) }

// spend marks the code as used. There is none where nobody used one.
func (c *code) spend(tx store.Tx) error {
	if c == nil {
		return nil
	}
	err := tx.Spend(codeKey(c.Family), c.over())
	if isExists(err) {
		return refuse(BadCode, "the code was used before")
	}
	return err
}

// Redemption is how an application shows a code.
type Redemption struct {
	Code      secret.Text
	Client    string
	Redirect  string
	Verifier  string   // of PKCE
	Audiences []string // of those that it asked for at first; none: all of them
	Address   string
}

// Redeem gives the token that a code is good for: once, within a minute, to the
// application that began, and only while what the agent logged in with is in
// force. Who shows a code again ends the tokens that were made from it: one of
// the two stole it (RFC 6749 §4.1.2). Its refusals are BadCode, BadTarget and
// BadScope.
func (i *Issuer) Redeem(ctx context.Context, r Redemption) (Token, error) {
	var c code
	if err := i.unseal64(codePurpose, r.Code.Reveal(), &c); err != nil {
		return Token{}, orRefuse(err, BadCode, "the code is not one of ours")
	}
	var s subject
	var used bool
	err := i.a.store.View(ctx, func(tx store.Reader) (err error) {
		if used, err = tx.Spent(codeKey(c.Family)); err != nil {
			return err
		}
		s, err = i.read(tx, c.Agent)
		return err
	})
	switch {
	case err != nil:
		return Token{}, err
	case used:
		return Token{}, i.endFamily(ctx, c)
	case i.a.Now().Unix() >= c.Expires:
		return Token{}, refuse(BadCode, "the code has expired")
	}
	l := Login{ID: c.Agent, Method: "authorization_code", Address: r.Address, Scopes: c.Scopes, Audiences: c.Audiences, code: &c}
	if len(r.Audiences) > 0 {
		l.Audiences = r.Audiences
	}
	reason := c.refuses(r)
	if reason == "" && (s.name == "" || s.epoch != c.Epoch || s.blocked != "" || !s.has(parseProof(c.Credential).id)) {
		reason = "the agent, or its secret, was revoked since"
	}
	if reason != "" {
		return Token{}, i.noteRefusal(ctx, s, l, &Error{Kind: BadCode, Message: reason})
	}
	if !within(r.Audiences, c.Audiences) {
		return Token{}, i.noteRefusal(ctx, s, l, &Error{Kind: BadTarget, Message: "it asks for an audience that it did not ask for at first"})
	}
	// Before the code is spent: nothing can fail between that and the answer.
	idToken, err := i.idToken(ctx, c)
	if err != nil {
		return Token{}, err
	}
	t, err := i.issue(ctx, s, parseProof(c.Credential), l)
	t.IDToken = idToken
	refusal, refused := asError(err)
	switch {
	case !refused:
		return t, err
	case refusal.Kind == BadCode: // another was faster
		return Token{}, i.endFamily(ctx, c)
	case refusal.Kind == BadLogin:
		refusal = &Error{Kind: BadCode, Message: refusal.Message}
	}
	return Token{}, i.noteRefusal(ctx, s, l, refusal)
}

// refuses says why the code is not good for who shows it; "" when it is.
func (c *code) refuses(r Redemption) string {
	sum := sha256.Sum256([]byte(r.Verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case r.Client != c.Client:
		return "the code is another application's"
	case r.Redirect != c.Redirect:
		return "the redirect_uri is not the one of the code"
	case subtle.ConstantTimeCompare([]byte(challenge), []byte(c.Challenge)) != 1:
		return "the code_verifier is not the one of the code"
	}
	return ""
}

// within reports whether all that is asked for was asked for at first, when
// anything was.
func within(asked, first []string) bool {
	return len(first) == 0 || !slices.ContainsFunc(asked, func(one string) bool { return !slices.Contains(first, one) })
}

// endFamily ends the tokens that were made from a code, and refuses it.
func (i *Issuer) endFamily(ctx context.Context, c code) error {
	base := audit.Event{Actor: "agent:" + c.Agent, Action: audit.TokenRevoke, AgentID: c.Agent, Target: parseProof(c.Credential).id}
	err := i.a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		ev.Detail["family"], ev.Detail["client_id"], ev.Detail["why"] = c.Family, c.Client, "the authorization code was used again"
		err := tx.Spend(familyKey(c.Family), c.over())
		if isExists(err) {
			return errUnchanged
		}
		return err
	}, nil)
	if err != nil {
		return err
	}
	return refuse(BadCode, "the code was used before")
}
