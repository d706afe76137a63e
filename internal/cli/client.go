package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// maxGrace is how long the old secret of a management client may live on.
const maxGrace = 720 * time.Hour

func (p Program) client() *cobra.Command {
	return group("client", "Make, list, rotate and delete management clients",
		p.clientCreate(), p.clientList(), p.clientRotate(), p.clientDelete())
}

func (p Program) clientCreate() *cobra.Command {
	var d directly
	var out issuedForm
	var clientName string
	var scopes, sets []string
	c := &cobra.Command{
		Use:   "create --name NAME --scope-set SET",
		Short: "Make a management client and print its id and secret, this once",
		Long:  "Make a management client: a program that may call the management API, as Terraform does. Its\nid and its secret are printed this once. The sets of scopes are\n\n" + describeSets(),
		Example: `  terraform-provider-agentcreds client create --name terraform --scope-set terraform
  terraform-provider-agentcreds client create --name gateway --scope internal_token_introspect --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			granted, err := chosenScopes(scopes, sets)
			if err == nil && clientName == "" {
				err = usage(errors.New("--name is needed"))
			}
			if err == nil {
				err = out.check()
			}
			if err != nil {
				return err
			}
			rules, who, done, err := d.open(c.Context(), true)
			if err != nil {
				return err
			}
			made, value, err := rules.CreateClient(c.Context(), who, clientName, granted)
			if err := errors.Join(err, done()); err != nil {
				return hintClient(err)
			}
			return out.print(c, made, value)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&clientName, "name", "", "`name` for people; no two clients have the same")
	f.StringSliceVar(&scopes, "scope", nil, "`scope` that it may ask for; more than once for more")
	f.StringSliceVar(&sets, "scope-set", nil, "`set` of scopes")
	d.flag(c)
	out.flags(c)
	fromEnvironment(c, p.Getenv, "database")
	return c
}

func (p Program) clientRotate() *cobra.Command {
	var d directly
	var out issuedForm
	var grace time.Duration
	c := &cobra.Command{
		Use:   "rotate ID",
		Short: "Give a management client a new secret and print it, this once",
		Long: `Give a management client a new secret and print it, this once. The old one works
on until the grace is over. With --grace 0s it ends at once, and with it every
token of the client.`,
		Args: oneID,
		RunE: func(c *cobra.Command, args []string) error {
			if grace < 0 || grace > maxGrace {
				return badValue("grace", grace.String(), errors.New("0s to 720h are possible"))
			}
			if err := out.check(); err != nil {
				return err
			}
			rules, who, done, err := d.open(c.Context(), false)
			if err != nil {
				return err
			}
			rotated, value, err := rules.RotateClient(c.Context(), who, args[0], grace)
			if err := errors.Join(err, done()); err != nil {
				return hintClient(err)
			}
			return out.print(c, rotated, value)
		},
	}
	c.Flags().SortFlags = false
	c.Flags().DurationVar(&grace, "grace", 24*time.Hour, "how `long` the old secret works on, at most 720h")
	d.flag(c)
	out.flags(c)
	fromEnvironment(c, p.Getenv, "database")
	return c
}

func (p Program) clientDelete() *cobra.Command {
	var d directly
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a management client; its tokens end at once",
		Args:  oneID,
		RunE: func(c *cobra.Command, args []string) error {
			rules, who, done, err := d.open(c.Context(), false)
			if err != nil {
				return err
			}
			err = rules.DeleteClient(c.Context(), who, args[0])
			return hintClient(errors.Join(err, done()))
		},
	}
	d.flag(c)
	fromEnvironment(c, p.Getenv, "database")
	return c
}

func hintClient(err error) error {
	refusal, ok := errors.AsType[*authority.Error](err)
	switch {
	case ok && refusal.Kind == authority.NoClient:
		return hint(sentence(err), "client list shows their ids")
	case ok && refusal.Kind == authority.Exists:
		return hint(sentence(err), "choose another --name; client rotate gives the one that is there a new secret")
	case ok:
		return sentence(err)
	}
	return err
}

// sentence makes words of ours of what authority says to people.
func sentence(err error) error {
	text := strings.TrimSuffix(err.Error(), ".")
	if text == "" {
		return err
	}
	return errors.New(strings.ToLower(text[:1]) + text[1:])
}
