package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func (p Program) client() *cobra.Command {
	return group("client", "Make, list, rotate and delete management clients",
		p.clientCreate(), p.clientList(), p.clientRotate(), p.clientDelete())
}

func (p Program) clientCreate() *cobra.Command {
	var at bookFlags
	var out issuedForm
	var proof proofFlags
	var clientName string
	var scopes, sets []string
	c := &cobra.Command{
		Use:   "create --name NAME --scope-set SET",
		Short: "Make a management client and print its id and secret, this once",
		Long:  "Make a management client: a program that may call the management API, as Terraform does. Its\nid and its secret are printed this once. It can sign in with a private key or a certificate too,\nor with nothing else (--no-secret): only the public half is given here. On a server (--endpoint) it may do nothing that its maker may\nnot; the admin token may make any. The sets of scopes are\n\n" + describeSets(),
		Example: `  terraform-provider-agentcreds client create --name terraform --scope-set terraform
  terraform-provider-agentcreds client create --name gateway --scope internal_token_introspect --json
  terraform-provider-agentcreds client create --name terraform --scope-set terraform --public-key-file tf.pub.pem --no-secret
  AGENTCREDS_ACCESS_TOKEN=$(cat agentcreds.db.admin-token) \
    terraform-provider-agentcreds client create --endpoint https://agents.example.com --name ci --scope-set admin`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			granted, err := chosenScopes(scopes, sets)
			if err == nil && clientName == "" {
				err = usage(errors.New("--name is needed"))
			}
			if err == nil {
				err = out.check()
			}
			if err == nil && proof.noSecret && !proof.given() {
				err = usage(errors.New("--no-secret needs something else to sign in with: --public-key-file, --certificate-file, or a subject"))
			}
			if err != nil {
				return err
			}
			req := api.ClientRequest{Name: clientName, Scopes: granted, NoSecret: proof.noSecret}
			if req.ClientProof, err = proof.read(); err != nil {
				return err
			}
			b, err := at.open(c, p.Getenv, bookNeed{scope: api.ScopeClientCreate, handsOn: granted, makes: true})
			if err != nil {
				return err
			}
			made, err := b.create(c.Context(), req)
			if err := errors.Join(err, b.close()); err != nil {
				return hintClient(err)
			}
			return out.print(c, made)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&clientName, "name", "", "`name` for people; no two clients have the same")
	f.StringSliceVar(&scopes, "scope", nil, "`scope` that it may ask for; more than once for more")
	f.StringSliceVar(&sets, "scope-set", nil, "`set` of scopes")
	proof.flags(c)
	f.BoolVar(&proof.noSecret, "no-secret", false, "make no secret")
	out.flags(c)
	at.flags(c, p.Getenv)
	return c
}

func (p Program) clientRotate() *cobra.Command {
	var at bookFlags
	var out issuedForm
	var proof proofFlags
	var req api.ClientCredentials
	var grace time.Duration
	c := &cobra.Command{
		Use:   "rotate ID",
		Short: "Give a management client a new secret and print it, this once",
		Long: `Give a management client a new secret and print it, this once. The old one works
on until the grace is over. With --grace 0s it ends at once, and with it every
token of the client.

With --public-key-file or --certificate-file it gets that instead, and what it
has of the same kind ends likewise; its secret stays, unless --no-secret says that
it ends too. So a client moves from one to the other without a gap.`,
		Example: `  terraform-provider-agentcreds client rotate 940642a5-…
  terraform-provider-agentcreds client rotate 940642a5-… --public-key-file tf.pub.pem
  terraform-provider-agentcreds client rotate 940642a5-… --no-secret --grace 1h`,
		Args: oneID,
		RunE: func(c *cobra.Command, args []string) error {
			if grace < 0 || grace > api.MaxClientGrace {
				return badArgument("grace", grace.String(), errors.New("0s to 720h are possible"))
			}
			if err := out.check(); err != nil {
				return err
			}
			var err error
			if req.ClientProof, err = proof.read(); err != nil {
				return err
			}
			seconds := int64(grace / time.Second)
			req.GraceSeconds, req.EndSecrets = &seconds, proof.noSecret
			req.Secret = !proof.given() && !req.EndSecrets && !req.EndKeys && !req.EndCertificates
			b, err := at.open(c, p.Getenv, bookNeed{scope: api.ScopeClientCreate, handsOn: api.Scopes()})
			if err != nil {
				return err
			}
			rotated, err := b.rotate(c.Context(), args[0], req)
			if err := errors.Join(err, b.close()); err != nil {
				return hintClient(err)
			}
			return out.print(c, rotated)
		},
	}
	c.Flags().SortFlags = false
	c.Flags().DurationVar(&grace, "grace", api.ClientGrace, "how `long` the old one works on, at most 720h")
	proof.flags(c)
	c.Flags().BoolVar(&proof.noSecret, "no-secret", false, "its secrets end")
	c.Flags().BoolVar(&req.EndKeys, "no-key", false, "its keys end")
	c.Flags().BoolVar(&req.EndCertificates, "no-certificate", false, "its certificates end")
	out.flags(c)
	at.flags(c, p.Getenv)
	return c
}

func (p Program) clientDelete() *cobra.Command {
	var at bookFlags
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a management client; its tokens end at once",
		Args:  oneID,
		RunE: func(c *cobra.Command, args []string) error {
			b, err := at.open(c, p.Getenv, bookNeed{scope: api.ScopeClientDelete, handsOn: api.Scopes()})
			if err != nil {
				return err
			}
			return hintClient(errors.Join(b.remove(c.Context(), args[0]), b.close()))
		},
	}
	at.flags(c, p.Getenv)
	return c
}
