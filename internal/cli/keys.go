package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func (p Program) keys() *cobra.Command {
	return group("keys", "List, rotate and revoke the keys that sign tokens",
		p.keysList(), p.keysRotate(), p.keysRevoke())
}

// keyring is what the keys commands work on: the signing keys of a database. A
// server that runs on it sees a change at once.
type keyring struct {
	directly
	SealKey string
	Alg     string
}

// open gives the issuer of the database. Its URL is not used: it signs nothing.
func (k *keyring) open(ctx context.Context, getenv func(string) string) (*authority.Issuer, authority.Principal, func() error, error) {
	var who authority.Principal
	seal, err := maybeSeal(k.SealKey, k.Database)
	if err != nil {
		return nil, who, nil, badValue("seal-key", "…", err)
	}
	if !slices.Contains(authority.Algorithms, k.Alg) {
		return nil, who, nil, badValue("signing-alg", k.Alg, fmt.Errorf("%s are possible", strings.Join(authority.Algorithms, ", ")))
	}
	rules, who, done, err := k.directly.open(ctx, false)
	if err != nil {
		return nil, who, nil, err
	}
	seal.rules, seal.getenv = rules, getenv
	issuer, err := authority.NewIssuer(authority.IssuerConfig{
		Authority: rules, URL: "https://localhost", Alg: k.Alg,
		Seal: func() (secret.SealKey, error) { return seal.open(ctx) },
	})
	if err != nil {
		return nil, who, nil, errors.Join(err, done())
	}
	return issuer, who, done, nil
}

// listedKey is a line of keys list --json.
type listedKey struct {
	ID      string    `json:"kid"`
	Alg     string    `json:"alg"`
	State   string    `json:"state"` // next, signing, verifying, revoked
	Created time.Time `json:"created_at"`
	Signs   time.Time `json:"signs_at"`
}

func listKey(k authority.SigningKey, now time.Time) listedKey {
	out := listedKey{k.ID, k.Alg, "verifying", k.Created.UTC(), k.Signs.UTC()}
	switch {
	case !k.Revoked.IsZero():
		out.State = "revoked"
	case k.Signing:
		out.State = "signing"
	case k.Signs.After(now):
		out.State = "next"
	}
	return out
}

func (p Program) keysList() *cobra.Command {
	k := keyring{Alg: authority.Algorithms[0]}
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys that sign and verify tokens",
		Long: `List the keys that sign and verify tokens. A key is published as "next" before it
is "signing", and stays "verifying" until the last token that it signed is over.
The first key is made with the first token.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			issuer, _, done, err := k.open(c.Context(), p.Getenv)
			if err != nil {
				return err
			}
			keys, err := issuer.SigningKeys(c.Context())
			if err := errors.Join(err, done()); err != nil {
				return err
			}
			list, rows := []listedKey{}, [][]string{{"KID", "ALG", "STATE", "CREATED", "SIGNS FROM"}}
			for _, each := range keys {
				l := listKey(each, time.Now())
				list = append(list, l)
				rows = append(rows, []string{l.ID, l.Alg, l.State, l.Created.Format(time.RFC3339), l.Signs.Format(time.RFC3339)})
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			return printTable(c.OutOrStdout(), rows)
		},
	}
	k.flag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	fromEnvironment(c, p.Getenv, "database")
	return c
}

func (p Program) keysRotate() *cobra.Command {
	var k keyring
	var asJSON bool
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new signing key, which signs once all verifiers can know it",
		Long: `Make a new signing key and print its id. It is published now and signs ten minutes
later, when every verifier has fetched it; the key before verifies until the last
token that it signed is over. Nobody notices.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			issuer, who, done, err := k.open(c.Context(), p.Getenv)
			if err != nil {
				return err
			}
			made, err := issuer.RotateSigningKey(c.Context(), who)
			if err := errors.Join(err, done()); err != nil {
				return hintKey(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), listKey(made, time.Now()))
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), made.ID)
			return err
		},
	}
	k.flag(c)
	f := c.Flags()
	f.StringVar(&k.SealKey, "seal-key", "", "where the key is that wraps signing keys, as of serve")
	f.StringVar(&k.Alg, "signing-alg", authority.Algorithms[0], "what the key is for: ES256, EdDSA or RS256")
	f.BoolVar(&asJSON, "json", false, "print it as JSON")
	fromEnvironment(c, p.Getenv, "database", "seal-key", "signing-alg")
	return c
}

func (p Program) keysRevoke() *cobra.Command {
	k := keyring{Alg: authority.Algorithms[0]}
	c := &cobra.Command{
		Use:   "revoke KID",
		Short: "Withdraw a signing key at once, with every token that it signed",
		Long: `Withdraw a signing key at once: every token that it signed ends, and the server
makes another key with the next one. Verifiers that keep the keys learn it when
they fetch them again, after five minutes at most.`,
		Args: oneID,
		RunE: func(c *cobra.Command, args []string) error {
			issuer, who, done, err := k.open(c.Context(), p.Getenv)
			if err != nil {
				return err
			}
			err = issuer.RevokeSigningKey(c.Context(), who, args[0])
			return hintKey(errors.Join(err, done()))
		},
	}
	k.flag(c)
	fromEnvironment(c, p.Getenv, "database")
	return c
}

func hintKey(err error) error {
	refusal, ok := errors.AsType[*authority.Error](err)
	switch {
	case ok && refusal.Kind == authority.NoKey:
		return hint(sentence(err), "keys list shows their ids")
	case ok:
		return sentence(err)
	case errors.Is(err, authority.ErrSealKey):
		return hint(err, "give the key of this store with --seal-key file:NAME, env:VARIABLE or exec:COMMAND")
	}
	return err
}
