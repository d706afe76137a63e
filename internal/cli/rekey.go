package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// rekeying is the flags of rekey.
type rekeying struct {
	directly
	SealKey string
	NewKey  string
	Lost    bool
}

// newEnd is what the name of a new key ends with that takes the place of another
// file. Until it does, a second rekey goes on with it.
const newEnd = ".new"

func (p Program) rekey() *cobra.Command {
	var r rekeying
	c := &cobra.Command{
		Use:   "rekey",
		Short: "Seal signing and CA keys with another seal key",
		Long: `Seal everything that is sealed, the keys that sign tokens and certificates, with
another seal key, all of it in one transaction. Broken off at any moment it can be
run again, and goes on.

A key in a file is replaced by a new one that is made: the old one stays beside it, as
<file>.<its fingerprint>, since backups from before need it. --new-seal-key says where
the new one is instead; a file is made where there is none.

Servers that run go on: they read the file, or run the command, again. Those that are
to find the new key elsewhere must be started again with --seal-key. Whoever had the old key and the database could open the keys that it sealed: after a
leak, let keys rotate follow, and ca init.

--lost is for a key that is gone: everything that it sealed is given up. Every token
ends, and certificates are signed by a new CA (ca init); agents and secrets stay.`,
		Example: `  terraform-provider-agentcreds rekey --database agents.db
  terraform-provider-agentcreds rekey --database agents.db --new-seal-key exec:"vault kv get -field=key secret/agentcreds"`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if r.Lost {
				return r.forget(c)
			}
			return r.run(c, p.Getenv)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&r.SealKey, "seal-key", "", "where the present key is: file:`NAME`, env:VARIABLE or exec:COMMAND\n(default file:<database>.key)")
	f.StringVar(&r.NewKey, "new-seal-key", "", "where the new one is, in the same `form`; needed unless the present one is in\na file")
	f.BoolVar(&r.Lost, "lost", false, "the present key is gone: give up what it sealed")
	r.flag(c)
	fromEnvironment(c, p.Getenv, "database", "seal-key")
	return c
}

// check refuses what cannot be meant. replaces is the file that the new key is to
// take the place of; "" for none.
func (r *rekeying) check() (old, fresh sealSource, replaces string, err error) {
	if old, err = parseSeal(r.SealKey, r.Database); err != nil {
		return old, fresh, "", badValue("seal-key", "…", err)
	}
	switch {
	case r.NewKey == "" && old.kind != "file":
		return old, fresh, "", usage(errors.New("--new-seal-key is needed: the present key is not in a file that could be replaced"))
	case r.NewKey == "":
		return old, sealSource{kind: "file", at: old.at + newEnd}, old.at, nil
	}
	if fresh, err = parseSeal(r.NewKey, r.Database); err != nil {
		return old, fresh, "", badArgument("new-seal-key", "…", err)
	}
	if fresh.String() == old.String() {
		return old, fresh, "", badArgument("new-seal-key", fresh.String(), errors.New("this is where the present key is"))
	}
	return old, fresh, "", nil
}

func (r *rekeying) run(c *cobra.Command, getenv func(string) string) error {
	old, fresh, replaces, err := r.check()
	if err != nil {
		return err
	}
	rules, who, done, err := r.open(c.Context(), false)
	if err != nil {
		return err
	}
	old.getenv, fresh.getenv, old.rules, fresh.rules = getenv, getenv, rules, rules
	count, print, err := r.seal(c.Context(), rules, who, [2]sealSource{old, fresh})
	if err == nil && replaces != "" {
		err = replaceKey(replaces)
	}
	if err := errors.Join(err, done()); err != nil {
		return hintKey(hintQuarantine(err, r.Database))
	}
	where := fresh.String()
	if replaces != "" {
		where = old.String()
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%d keys are sealed with %s, which is in %s\n", count, print, where)
	return err
}

// seal does it. An attempt before may have come so far that only the file is left to
// be replaced: then the old key is not looked at.
func (r *rekeying) seal(ctx context.Context, rules *authority.Authority, who authority.Principal, keys [2]sealSource) (int, string, error) {
	known, err := rules.SealFingerprint(ctx)
	if err != nil {
		return 0, "", err
	}
	if known == "" {
		_, err := rules.Rekey(ctx, who, secret.SealKey{}, secret.SealKey{}) // which says that there is nothing
		return 0, "", err
	}
	fresh, err := keys[1].make(ctx)
	if err != nil {
		return 0, "", err
	}
	if fresh.Fingerprint() == known {
		return 0, known, nil
	}
	old, err := keys[0].open(ctx)
	if err != nil {
		return 0, "", err
	}
	count, err := rules.Rekey(ctx, who, old, fresh)
	return count, fresh.Fingerprint(), err
}

// make is open for a key that nothing was sealed with yet: a file is made.
func (s sealSource) make(ctx context.Context) (secret.SealKey, error) {
	if s.kind != "file" {
		return s.open(ctx)
	}
	nothing := func(context.Context) (string, error) { return "", nil }
	key, err := secret.SealFile{Path: s.at, Known: nothing}.Open(ctx)
	return key, s.bad(err)
}

// replaceKey puts the new key into the place of the old one, which stays under
// another name.
func replaceKey(file string) error {
	line, err := secret.ReadLine(file)
	if err != nil {
		return err
	}
	if line != "" {
		before, err := secret.ParseSealKey(line)
		if err != nil {
			return err
		}
		if err := os.Link(file, file+"."+before.Fingerprint()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return os.Rename(file+newEnd, file)
}

func (r *rekeying) forget(c *cobra.Command) error {
	if r.NewKey != "" || r.SealKey != "" {
		return usage(errors.New("--lost goes without --seal-key and --new-seal-key: the next key is made, or given to serve, when something is sealed again"))
	}
	rules, who, done, err := r.open(c.Context(), false)
	if err != nil {
		return err
	}
	err = rules.ForgetSealed(c.Context(), who)
	if err := errors.Join(err, done()); err != nil {
		return hintKey(hintQuarantine(err, r.Database))
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), "what was sealed is given up: every token has ended; ca init makes a new CA, if there was one")
	return err
}
