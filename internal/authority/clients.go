package authority

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Client is a management client: a program that signs in to the management
// API, as Terraform does.
type Client = store.Client

// maxClientSecrets is how many live secrets a management client has: during a
// rotation the old one and the new one.
const maxClientSecrets = 2

// ClientPrincipal is how the audit names a management client.
func ClientPrincipal(id string) string { return "client:" + id }

// CreateClient makes a management client with its first secret, which is
// returned this once. Names are unique. The client may do nothing that its
// maker may not: else who may make clients could do everything.
func (a *Authority) CreateClient(ctx context.Context, p Principal, name string, scopes []string) (Client, secret.Text, error) {
	value := secret.Generate()
	c := Client{ID: newID(), Name: name, Scopes: set(scopes), Creator: p.Name, Created: a.Now()}
	c.Secrets = []store.ClientSecret{a.clientSecret(c.ID, value, 0)}
	base := audit.Event{Actor: p.Name, Action: audit.ClientCreate, Target: c.ID}
	if err := checkClient(c); err != nil {
		return Client{}, secret.Text{}, a.refused(ctx, base, err)
	}
	err := a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		if err := mayManage(tx, p, c); err != nil {
			return err
		}
		ev.Detail["name"], ev.Detail["scopes"] = name, strings.Join(c.Scopes, " ")
		err := tx.AddClient(c)
		if errors.Is(err, store.ErrExists) {
			return refuse(Exists, "There is a management client with the name %q already.", name)
		}
		return err
	}, nil)
	if err != nil {
		return Client{}, secret.Text{}, err
	}
	return c, value, nil
}

// checkClient refuses what could not be shown, or asked for in a request.
func checkClient(c Client) error {
	if c.Name == "" || len(c.Name) > 200 || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, unicode.IsControl) {
		return refuse(Invalid, "A management client needs a name of at most 200 bytes without control characters.")
	}
	for _, scope := range c.Scopes {
		// RFC 6749 §3.3, scope-token.
		bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
		if scope == "" || len(scope) > 200 || strings.ContainsFunc(scope, bad) {
			return refuse(Invalid, "%.200q is no scope.", scope)
		}
	}
	return nil
}

// mayManage refuses a caller who would get hold of more than he has, or end what
// may do more than he; and one that was deleted or revoked since he was asked
// who he is: what such a one makes would outlive it.
func mayManage(r store.Reader, p Principal, c Client) error {
	if p.ClientID != "" {
		caller, err := r.Client(p.ClientID)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && caller.Epoch != p.Epoch:
			return refuse(Outdated, "The management client that asks was deleted or revoked at this moment.")
		case err != nil:
			return err
		}
	}
	for _, scope := range c.Scopes {
		if !p.May(scope) {
			return refuse(Beyond, "The scope %s is more than the caller has: it manages only clients that may do nothing that it may not.", scope)
		}
	}
	return nil
}

// Clients lists the management clients, oldest first.
func (a *Authority) Clients(ctx context.Context) (out []Client, err error) {
	err = a.store.View(ctx, func(r store.Reader) (err error) {
		out, err = r.Clients()
		return err
	})
	return out, err
}

// RotateClient gives a management client a new secret. The newest of the old
// ones lives on until grace is over, others end; with a grace of 0 they all
// end at once, and every token with them.
func (a *Authority) RotateClient(ctx context.Context, p Principal, id string, grace time.Duration) (Client, secret.Text, error) {
	value := secret.Generate()
	var out Client
	base := audit.Event{Actor: p.Name, Action: audit.ClientRotate, Target: id}
	err := a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		c, err := tx.Client(id)
		if err != nil {
			return noClient(err, id)
		}
		if err := mayManage(tx, p, c); err != nil {
			return err
		}
		now, grace := a.Now(), max(0, grace)
		var last int64
		kept := []store.ClientSecret{}
		for _, s := range c.Secrets {
			last = max(last, s.Created)
			s.Expires = earlier(s.Expires, now.Add(grace).Unix())
			if s.Live(now) && len(kept) < maxClientSecrets-1 {
				kept = append(kept, s)
			}
		}
		if len(kept) == 0 {
			c.Epoch++
		}
		c.Secrets = append([]store.ClientSecret{a.clientSecret(id, value, last)}, kept...)
		ev.Detail["secret"] = c.Secrets[0].ID
		out = c
		return tx.SetClient(c)
	}, nil)
	if err != nil {
		return Client{}, secret.Text{}, err
	}
	return out, value, nil
}

// DeleteClient deletes a management client; its tokens end at once.
func (a *Authority) DeleteClient(ctx context.Context, p Principal, id string) error {
	base := audit.Event{Actor: p.Name, Action: audit.ClientDelete, Target: id}
	return a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		c, err := tx.Client(id)
		if err != nil {
			return noClient(err, id)
		}
		if err := mayManage(tx, p, c); err != nil {
			return err
		}
		ev.Detail["name"] = c.Name
		return tx.RemoveClient(id)
	}, nil)
}

func (a *Authority) clientSecret(clientID string, value secret.Text, last int64) store.ClientSecret {
	return store.ClientSecret{
		ID: newID(), Digest: string(secret.NewDigest(clientID, value)), Hint: value.Hint(),
		Created: max(a.Now().UnixMilli(), last+1),
	}
}

func noClient(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(NoClient, "There is no management client with the id %s.", id)
	}
	return err
}
