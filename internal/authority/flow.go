package authority

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	// flowLife is how long a login through an application may take.
	flowLife = 5 * time.Minute
	// codeLife is how long an authorization code is good (RFC 6749 §4.1.2
	// wants a short time).
	codeLife = time.Minute
)

// What flows and codes are sealed for; neither opens as the other, nor on
// another issuer that has the same seal key.
const (
	flowPurpose = "login flow of "
	codePurpose = "authorization code of "
)

// AppRequest is what an application asks for when it begins to log an agent in.
type AppRequest struct {
	Client    string   `json:"client"`
	Redirect  string   `json:"redirect"`
	Challenge string   `json:"challenge"` // of PKCE, by S256
	State     string   `json:"state,omitempty"`
	Nonce     string   `json:"nonce,omitempty"` // for the ID token
	Scopes    []string `json:"scopes,omitempty"`
	Audiences []string `json:"audiences,omitempty"`
}

// flow is a login that was begun. The server does not remember it: it is in the
// flow's id, sealed.
type flow struct {
	AppRequest
	Expires int64 `json:"expires"`
}

// BeginFlow begins a login through an application, and gives the id that
// continues it. Who the application is was checked before.
func (i *Issuer) BeginFlow(r AppRequest) (string, error) {
	return i.sealed64(flowPurpose, flow{r, i.a.Now().Add(flowLife).Unix()})
}

// Code is what an application gets for the agent that logged in.
type Code struct {
	Value secret.Text
	State string // that the application gave
}

// ContinueFlow logs an agent in, and gives the code for which the application
// gets the token. It fails as Login does, and with BadFlow and OldFlow. No
// other than agents can log in so.
func (i *Issuer) ContinueFlow(ctx context.Context, id string, l Login) (Code, error) {
	start := time.Now()
	var f flow
	if err := i.unseal64(flowPurpose, id, &f); err != nil {
		return Code{}, orRefuse(err, BadFlow, "the flow is not one of ours")
	}
	if i.a.Now().Unix() >= f.Expires {
		return Code{}, refuse(OldFlow, "the flow took too long")
	}
	l.action = audit.CodeIssue
	s, p, err := i.authenticate(ctx, l, start)
	if err != nil {
		return Code{}, err
	}
	if !s.agent {
		return Code{}, i.fail(ctx, s, l, start, &Error{Kind: BadLogin, Message: "only agents log in through an application"})
	}
	c := code{AppRequest: f.AppRequest, Agent: s.id, Epoch: s.epoch, Credential: p.String(), Family: newID(), Expires: i.a.Now().Add(codeLife).Unix()}
	c.State = ""
	value, err := i.sealed64(codePurpose, c)
	if err != nil {
		return Code{}, err
	}
	ev := s.event(audit.CodeIssue, p, l)
	ev.Detail["client_id"], ev.Detail["family"] = c.Client, c.Family
	if err := i.a.note(ctx, ev); err != nil {
		return Code{}, err
	}
	i.used(s, p)
	return Code{Value: secret.New(value), State: f.State}, nil
}

// AttemptsLeft is how often a login with the id may still fail, from that
// address, before it has to wait.
func (i *Issuer) AttemptsLeft(id, address string) int {
	return i.failures.left(keyOf(id, address))
}

// sealed64 seals a value into a text.
func (i *Issuer) sealed64(purpose string, v any) (string, error) {
	key, err := i.sealKey()
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal a login: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(key.Seal(purpose+i.url, plain)), nil
}

// unseal64 reads what sealed64 made. What is not ours is secret.ErrSealed.
func (i *Issuer) unseal64(purpose, text string, v any) error {
	key, err := i.sealKey()
	if err != nil {
		return err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return secret.ErrSealed
	}
	plain, err := key.Open(purpose+i.url, raw)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

// orRefuse refuses what does not open; any other error is the server's.
func orRefuse(err error, kind Kind, message string) error {
	if errors.Is(err, secret.ErrSealed) {
		return &Error{Kind: kind, Message: message}
	}
	return err
}
