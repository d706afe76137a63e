package authority

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// AdminPrincipal is how the audit names who shows the admin token.
const AdminPrincipal = "admin"

// adminSetting keeps the digest of the admin token.
const adminSetting = "admin_token"

// Bootstrap is what matters to whoever decides about an admin token.
type Bootstrap struct {
	Known   bool // the store knows an admin token
	Clients int  // how many management clients there are
}

// Bootstrap tells whether there is an admin token, and management clients that
// make it superfluous.
func (a *Authority) Bootstrap(ctx context.Context) (out Bootstrap, err error) {
	err = a.bare.View(ctx, func(r store.Reader) error {
		known, err := r.Setting(adminSetting)
		if err != nil {
			return err
		}
		clients, err := r.Clients()
		out = Bootstrap{known != "", len(clients)}
		return err
	})
	return out, err
}

// SetAdminToken makes the token the one admin token, of which the store keeps a
// digest; the zero Text turns the admin token off. It holds at once, for every
// process that works on the store. Setting what is set already changes nothing.
func (a *Authority) SetAdminToken(ctx context.Context, p Principal, token secret.Text) error {
	digest, base := "", audit.Event{Actor: p.Name, Action: audit.AdminDelete, Target: AdminPrincipal}
	if !token.IsZero() {
		digest, base.Action = a.adminDigest(token), audit.AdminCreate
	}
	err := a.bare.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		known, err := tx.Setting(adminSetting)
		switch {
		case err != nil:
			return nil, err
		case known == digest:
			return nil, errUnchanged
		}
		return []audit.Event{base}, tx.SetSetting(adminSetting, digest)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// Admin finds out whether the token is the admin token.
func (a *Authority) Admin(ctx context.Context, token secret.Text) (Principal, bool, error) {
	var known string
	err := a.bare.View(ctx, func(r store.Reader) (err error) {
		known, err = r.Setting(adminSetting)
		return err
	})
	same := subtle.ConstantTimeCompare([]byte(known), []byte(a.adminDigest(token))) == 1
	if err != nil || known == "" || token.IsZero() || !same {
		return Principal{}, false, err
	}
	return Principal{Name: AdminPrincipal, Scopes: []string{AllScopes}}, true, nil
}

// NoteFaults enters into the audit that a server begins to misbehave on request:
// what it answers from now on proves less than it seems to.
func (a *Authority) NoteFaults(ctx context.Context, p Principal, rules []string) error {
	detail := map[string]string{}
	for i, rule := range rules {
		detail[fmt.Sprintf("rule_%d", i+1)] = rule
	}
	return a.note(ctx, audit.Event{Actor: p.Name, Action: audit.FaultsBegin, Detail: detail})
}

// adminDigest is a fast one: the token is long and random. It is bound to the
// store, so that nothing can be reckoned in advance.
func (a *Authority) adminDigest(token secret.Text) string {
	sum := sha256.Sum256([]byte("agentcreds admin token v1\x00" + a.store.ID() + "\x00" + token.Reveal()))
	return "sha256$" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// SealFingerprint tells which seal key the store was sealed with; "" when
// nothing was sealed yet.
func (a *Authority) SealFingerprint(ctx context.Context) (print string, err error) {
	err = a.bare.View(ctx, func(r store.Reader) (err error) {
		print, err = r.Setting(sealSetting)
		return err
	})
	return print, err
}
