package authority

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Client is a management client: a program that signs in to the management
// API, as Terraform does.
type Client = store.Client

// maxClientLive is how many live secrets a management client has, and how many
// live keys and certificates: during a rotation the old one and the new one.
const maxClientLive = 2

// ClientPrincipal is how the audit names a management client.
func ClientPrincipal(id string) string { return "client:" + id }

// NewClient asks for a management client.
type NewClient struct {
	Name     string // unique
	Scopes   []string
	NoSecret bool // it signs in with Proof alone
	Proof    ClientProof
}

// CreateClient makes a management client. Its first secret is returned this
// once; zero when it has none. The client may do nothing that its maker may
// not: else who may make clients could do everything.
func (a *Authority) CreateClient(ctx context.Context, p Principal, n NewClient) (Client, secret.Text, error) {
	c := Client{ID: newID(), Name: n.Name, Scopes: set(n.Scopes), Creator: p.Name, Created: a.Now()}
	base := audit.Event{Actor: p.Name, Action: audit.ClientCreate, Target: c.ID}
	value, err := a.equip(&c, n.Proof, !n.NoSecret)
	if err == nil {
		err = checkClient(c)
	}
	if err == nil && len(c.Secrets)+len(c.Keys) == 0 {
		err = refuse(Invalid, "A management client needs something to sign in with: a secret, a public key, or a certificate.")
	}
	if err != nil {
		return Client{}, secret.Text{}, a.refused(ctx, base, err)
	}
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		if err := mayManage(tx, p, c); err != nil {
			return err
		}
		ev.Detail["name"], ev.Detail["scopes"] = c.Name, strings.Join(c.Scopes, " ")
		noteKeys(ev, c.Keys)
		err := tx.AddClient(c)
		if errors.Is(err, store.ErrExists) {
			return refuse(Exists, "There is a management client with the name %q already.", c.Name)
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
	if badName(c.Name) {
		return refuse(Invalid, "A management client needs a name of at most 200 bytes without control characters.")
	}
	return checkScopes(c.Scopes)
}

// badName reports whether a name cannot be shown to people.
func badName(name string) bool {
	return name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl)
}

// checkScopes refuses what is no scope-token (RFC 6749 §3.3).
func checkScopes(scopes []string) error {
	for _, scope := range scopes {
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

// equip gives a client what it is to sign in with, before what it has: a secret
// of our making, which is returned, and what proves it otherwise.
func (a *Authority) equip(c *Client, proof ClientProof, withSecret bool) (value secret.Text, err error) {
	var last int64
	for _, s := range c.Secrets {
		last = max(last, s.Created)
	}
	for _, k := range c.Keys {
		last = max(last, k.Created)
	}
	added, err := proof.read(max(a.Now().UnixMilli(), last+1))
	if err != nil {
		return value, err
	}
	c.Keys = append(added, c.Keys...)
	if withSecret {
		value = secret.Generate()
		c.Secrets = append([]store.ClientSecret{a.clientSecret(c.ID, value, last)}, c.Secrets...)
	}
	return value, nil
}

func noClient(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(NoClient, "There is no management client with the id %s.", id)
	}
	return err
}
