package cli

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func (p Program) ca() *cobra.Command {
	return group("ca", "Make and show the CA that signs certificates of agents", p.caInit(), p.caShow())
}

// cabinet is what the ca commands work on: the CA keys of a database.
type cabinet struct {
	directly
	SealKey     string
	Name        string
	Certificate string // a file with a given CA's certificate and chain
	Key         string // a file with its key
}

// open gives the rules of the database, with what seals CA keys.
func (k *cabinet) open(ctx context.Context, getenv func(string) string) (*authority.Authority, authority.Principal, func() error, error) {
	seal, err := maybeSeal(k.SealKey, k.Database)
	if err != nil {
		return nil, authority.Principal{}, nil, badValue("seal-key", "…", err)
	}
	seal.getenv = getenv
	// No certificate of an agent is signed here: the domain is not used.
	k.ca = authority.CAConfig{Seal: func() (secret.SealKey, error) { return seal.open(ctx) }, TrustDomain: "localhost"}
	rules, who, done, err := k.directly.open(ctx, false)
	seal.rules = rules
	return rules, who, done, err
}

func (p Program) caInit() *cobra.Command {
	var k cabinet
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the CA that signs certificates of agents, or give it one",
		Long: `Make a CA and print its certificate; or, with --certificate and --key, give the
server an intermediate CA whose root is kept elsewhere. The key is kept in the
database, wrapped by the seal key. What signed before signs revocation lists only:
its certificates work until they end.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			chain, private, err := k.given()
			if err != nil {
				return err
			}
			rules, who, done, err := k.open(c.Context(), p.Getenv)
			if err != nil {
				return err
			}
			var made authority.CA
			if private != nil {
				made, err = rules.ImportCA(c.Context(), who, chain, private)
			} else {
				made, err = rules.CreateCA(c.Context(), who, k.Name)
			}
			if err := errors.Join(err, done()); err != nil {
				return hintKey(err)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), made.Certificate+made.Chain)
			return err
		},
	}
	k.flag(c)
	f := c.Flags()
	f.StringVar(&k.SealKey, "seal-key", "", "where the key is that wraps the CA's, as of serve")
	f.StringVar(&k.Name, "name", "agentcreds", "the common `name` of a CA that is made")
	f.StringVar(&k.Certificate, "certificate", "", "`file` with the certificate of an intermediate CA and those above it in PEM")
	f.StringVar(&k.Key, "key", "", "`file` with its private key in PEM")
	fromEnvironment(c, p.Getenv, "database", "seal-key")
	return c
}

// given reads a CA from files; nil when there is none.
func (k *cabinet) given() (string, crypto.Signer, error) {
	if k.Certificate == "" && k.Key == "" {
		return "", nil, nil
	}
	if k.Certificate == "" || k.Key == "" {
		return "", nil, usage(errors.New("--certificate and --key go together"))
	}
	chain, err := os.ReadFile(k.Certificate)
	key, err2 := os.ReadFile(k.Key)
	if err := errors.Join(err, err2); err != nil {
		return "", nil, err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return "", nil, fmt.Errorf("use the CA in %s with the key in %s: %w", k.Certificate, k.Key, err)
	}
	private, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return "", nil, fmt.Errorf("the key in %s cannot sign", k.Key)
	}
	return string(chain), private, nil
}

func (p Program) caShow() *cobra.Command {
	var k cabinet
	var asJSON bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Show the CA that signs now",
		Long:  "Print the certificate of the CA that signs now, and those above it, in PEM.",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			rules, _, done, err := k.open(c.Context(), p.Getenv)
			if err != nil {
				return err
			}
			all, err := rules.CAs(c.Context())
			if err := errors.Join(err, done()); err != nil {
				return err
			}
			for _, ca := range all {
				switch {
				case !ca.Retired.IsZero():
					continue
				case asJSON:
					return printJSON(c.OutOrStdout(), shownCA{ca.ID, ca.Certificate, ca.Chain, ca.Created.UTC(), ca.NotAfter.UTC()})
				}
				_, err := fmt.Fprint(c.OutOrStdout(), ca.Certificate+ca.Chain)
				return err
			}
			return hint(errors.New("there is no CA"), "ca init makes one")
		},
	}
	k.flag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	fromEnvironment(c, p.Getenv, "database")
	return c
}

// shownCA is what ca show --json prints.
type shownCA struct {
	ID          string    `json:"id"`
	Certificate string    `json:"certificate_pem"`
	Chain       string    `json:"chain_pem"`
	Created     time.Time `json:"created_at"`
	NotAfter    time.Time `json:"not_after"`
}
