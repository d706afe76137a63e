package api

import (
	"encoding/json"
	"fmt"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Encode writes v as it goes over the wire. It is the only place of this
// package that reveals secrets: json.Marshal of the same value writes
// "[redacted]" for them.
func Encode(v any) ([]byte, error) {
	if r, ok := v.(revealer); ok {
		v = r.reveal()
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return data, nil
}

// revealer is what holds a secret: it gives a copy that encodes it.
type revealer interface{ reveal() any }

// plain encodes a secret as what it is.
type plain struct{ secret.Text }

func (p plain) MarshalJSON() ([]byte, error) { return json.Marshal(p.Reveal()) }

// The wrappers shadow the redacted member by one of the same name.

func (a Agent) reveal() any {
	if a.Password.IsZero() {
		return a
	}
	type rest Agent
	return struct {
		rest
		Password plain `json:"password"`
	}{rest(a), plain{a.Password}}
}

func (c ManagementClient) reveal() any {
	if c.ClientSecret.IsZero() {
		return c
	}
	type rest ManagementClient
	return struct {
		rest
		ClientSecret plain `json:"clientSecret"`
	}{rest(c), plain{c.ClientSecret}}
}

func (s Secret) reveal() any {
	if s.SecretValue.IsZero() {
		return s
	}
	type rest Secret
	return struct {
		rest
		SecretValue plain `json:"secretValue"`
	}{rest(s), plain{s.SecretValue}}
}

func (r SecretRequest) reveal() any {
	if r.SecretValue.IsZero() {
		return r
	}
	type rest SecretRequest
	return struct {
		rest
		SecretValue plain `json:"secretValue"`
	}{rest(r), plain{r.SecretValue}}
}

// PasswordPatch is WSO2's way to set the secret of an agent: it revokes all
// that the agent had, tokens included.
func PasswordPatch(value secret.Text) (Patch, error) {
	text, err := json.Marshal(plain{value})
	if err != nil {
		return Patch{}, fmt.Errorf("encode the secret: %w", err)
	}
	return Patch{
		Schemas:    []string{SchemaPatch},
		Operations: []Operation{{Op: "replace", Path: "password", Value: text}},
	}, nil
}
