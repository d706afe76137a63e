package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// book is the list of management clients, wherever it is.
type book struct {
	create func(context.Context, api.ClientRequest) (issued, error)
	list   func(context.Context) ([]listedClient, error)
	rotate func(ctx context.Context, id string, req api.ClientCredentials) (issued, error)
	remove func(ctx context.Context, id string) error
	close  func() error
}

// bookFlags say where the management clients are.
type bookFlags struct{ target }

// open gives the management clients. On a server the command needs one scope,
// and hands on others. create makes a database where there is none.
func (b *bookFlags) open(c *cobra.Command, getenv func(string) string, need bookNeed) (*book, error) {
	remote, err := b.remote(c)
	if err != nil {
		return nil, err
	}
	if remote {
		served, err := b.dial(getenv, need.scope, need.handsOn...)
		if err != nil {
			return nil, err
		}
		return servedBook(served), nil
	}
	rules, who, done, err := b.directly.open(c.Context(), need.makes)
	if err != nil {
		return nil, err
	}
	return ownBook(rules, who, done), nil
}

// bookNeed is what a command needs.
type bookNeed struct {
	scope   string   // of the server
	handsOn []string // what the clients may do that it works on
	makes   bool     // a database, where there is none
}

// ownBook is that of a database.
func ownBook(rules *authority.Authority, who authority.Principal, done func() error) *book {
	return &book{
		create: func(ctx context.Context, req api.ClientRequest) (issued, error) {
			c, value, err := rules.CreateClient(ctx, who, authority.NewClient{
				Name: req.Name, Scopes: req.Scopes, NoSecret: req.NoSecret, Proof: server.ProofOf(req.ClientProof),
			})
			return issued{listClient(c, rules.Now()), value}, err
		},
		list: func(ctx context.Context) ([]listedClient, error) {
			clients, err := rules.Clients(ctx)
			out := make([]listedClient, len(clients))
			for i, c := range clients {
				out[i] = listClient(c, rules.Now())
			}
			return out, err
		},
		rotate: func(ctx context.Context, id string, req api.ClientCredentials) (issued, error) {
			c, value, err := rules.RotateClient(ctx, who, id, authority.ClientRotation{
				Secret: req.Secret, Proof: server.ProofOf(req.ClientProof), Grace: time.Duration(*req.GraceSeconds) * time.Second,
				EndSecrets: req.EndSecrets, EndKeys: req.EndKeys, EndCertificates: req.EndCertificates,
			})
			return issued{listClient(c, rules.Now()), value}, err
		},
		remove: func(ctx context.Context, id string) error { return rules.DeleteClient(ctx, who, id) },
		close:  done,
	}
}

// servedBook is that behind the API of a server.
func servedBook(served *client.Client) *book {
	return &book{
		create: func(ctx context.Context, req api.ClientRequest) (issued, error) {
			c, err := served.CreateManagementClient(ctx, req)
			return issued{listServed(c), c.ClientSecret}, err
		},
		list: func(ctx context.Context) ([]listedClient, error) {
			clients, err := served.ManagementClients(ctx)
			out := make([]listedClient, len(clients))
			for i, c := range clients {
				out[i] = listServed(c)
			}
			return out, err
		},
		rotate: func(ctx context.Context, id string, req api.ClientCredentials) (issued, error) {
			c, err := served.EquipManagementClient(ctx, id, req)
			return issued{listServed(c), c.ClientSecret}, err
		},
		remove: served.DeleteManagementClient,
		close:  func() error { return nil },
	}
}

// issued is a client with its new secret; zero when it got none.
type issued struct {
	listedClient
	secret secret.Text
}

// hintClient says what to do about an error, whichever of the two it is of.
func hintClient(err error) error {
	refusal, ok := errors.AsType[*authority.Error](err)
	told := err
	if ok {
		told = sentence(err)
	}
	switch {
	case ok && refusal.Kind == authority.NoClient, errors.Is(err, api.ErrNoClient):
		return hint(told, "client list shows their ids")
	case ok && refusal.Kind == authority.Weak, weak(err):
		return hint(told, "openssl pkey -in key.pem -pubout writes the public half of a private key; openssl req -x509 makes a certificate")
	case ok && refusal.Kind == authority.Exists, errors.Is(err, api.ErrUsedName):
		return hint(told, "choose another --name; client rotate gives the one that is there a new secret")
	case errors.Is(err, client.ErrAmbiguous):
		return hint(told, "client list shows what became of it; client rotate gives a client whose secret was lost another one")
	case errors.Is(err, api.ErrForbidden), errors.Is(err, api.ErrUnauthorized), errors.Is(err, api.ErrInvalidScope):
		return hint(told, "client create --scope-set admin, on the database or with the admin token, makes a client that may manage all others")
	case errors.Is(err, api.ErrNotFound):
		return hint(told, "is --endpoint the url of a server of this program, and of its version?")
	}
	return told
}

// sentence makes words of ours of what authority says to people.
func sentence(err error) error {
	text := strings.TrimSuffix(err.Error(), ".")
	if text == "" {
		return err
	}
	return errors.New(strings.ToLower(text[:1]) + text[1:])
}

// weak reports whether a server did not like a key or a certificate.
func weak(err error) bool {
	refusal, ok := errors.AsType[*api.Error](err)
	return ok && refusal.Code == api.CodeWeakSecret
}
