package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// toOutput as the file of a backup is the standard output.
const toOutput = "-"

func (p Program) backup() *cobra.Command {
	var d directly
	var recipients []string
	var out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "backup --recipient AGE1… --out FILE",
		Short: "Copy a database while it is in use, encrypted",
		Long: `Copy a SQLite database while servers and Terraform use it, encrypted to one or more
recipients of age: only who has the private key of one of them can restore it. All
of the copy is of one moment. It is checked, every page and every entry of the audit,
before it gets its name, and the audit has an entry of who made it for whom.

The seal key is not in it. Keep that elsewhere: with a backup alone nobody can sign
tokens or certificates, and secrets are only kept as digests. A PostgreSQL database
is backed up by its own tools.`,
		Example: `  terraform-provider-agentcreds backup --recipient age1… --out agents-2026-03-01.age
  terraform-provider-agentcreds backup --recipient age1… --out - | aws s3 cp - s3://backups/agents.age`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := d.backup(c.Context(), c.OutOrStdout(), out, recipients)
			switch {
			case err != nil || out == toOutput:
				return err
			case asJSON:
				return printJSON(c.OutOrStdout(), m)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "the store %s up to entry %d of its audit (%s) is in %s\n", m.StoreID, m.Seq, m.Time.Format("2006-01-02T15:04:05Z"), out)
			return err
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringSliceVar(&recipients, "recipient", nil, "public `key` of who may restore it, age1… as age-keygen prints it; repeatable")
	f.StringVarP(&out, "out", "o", "", "`file` to make, or - for standard output")
	f.BoolVar(&asJSON, "json", false, "print what is in it as JSON")
	d.flag(c)
	fromEnvironment(c, p.Getenv, "database", "recipient")
	return c
}

// backup makes a backup. What can be wrong with the flags is found before anything
// is touched.
func (d *directly) backup(ctx context.Context, stdout io.Writer, out string, recipients []string) (m manifest, err error) {
	if err := secret.CheckRecipients(recipients); err != nil {
		return m, badFlag("recipient", "…", err, ", or AGENTCREDS_RECIPIENT in the environment; age-keygen makes a key and prints its recipient")
	}
	if out == "" {
		return m, usage(errors.New("--out is needed: a file to make, or -"))
	}
	if err := checkDatabaseFile(d.Database); err != nil {
		return m, err
	}
	if _, err := os.Lstat(out); out != toOutput && !errors.Is(err, fs.ErrNotExist) {
		return m, hint(fmt.Errorf("make the backup %s: %w", out, errors.Join(err, fs.ErrExist)), "no backup is overwritten: give another --out, with the date in it")
	}
	s, rules, err := d.file(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	who := authority.Principal{Name: localUser(), Scopes: []string{authority.AllScopes}}
	if err := rules.NoteBackup(ctx, who, recipients, out); err != nil {
		return m, hintQuarantine(err, d.Database)
	}
	copied, err := os.CreateTemp(filepath.Dir(d.Database), filepath.Base(d.Database)+".backup-*")
	if err != nil {
		return m, err
	}
	defer func() { _ = os.Remove(copied.Name()) }()
	if err := errors.Join(copied.Close(), s.Copy(ctx, copied.Name())); err != nil {
		return m, err
	}
	if m, err = about(ctx, copied.Name()); err != nil {
		return m, fmt.Errorf("check the copy: %w", err)
	}
	write := func(w io.Writer) error { return writeBackup(w, m, copied.Name(), recipients) }
	if out == toOutput {
		return m, write(stdout)
	}
	if err := writeNew(out, write); err != nil {
		return m, hint(fmt.Errorf("write the backup %s: %w", out, err), "look whether there is room, and whether you may write there")
	}
	return m, nil
}

// file opens the database, which must be a file.
func (d *directly) file(ctx context.Context) (*sqlite.Store, *authority.Authority, error) {
	if err := checkDatabaseFile(d.Database); err != nil {
		return nil, nil, err
	}
	s, err := openStore(ctx, opening{database: d.Database})
	if err != nil {
		return nil, nil, err
	}
	file, ok := s.(*sqlite.Store)
	if !ok {
		return nil, nil, errors.Join(badDatabase(d.Database, errPostgres), s.Close())
	}
	rules, err := authority.New(authority.Config{Store: s})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return file, rules, nil
}

var errPostgres = errors.New("a postgresql database is backed up and restored by its own tools, as pg_dump; after that, restore --quarantine")

// checkDatabaseFile refuses a database that is not a file.
func checkDatabaseFile(database string) error {
	err := checkDatabaseName(database)
	if err == nil && postgres.IsURL(database) {
		err = errPostgres
	}
	if err != nil {
		return badDatabase(database, err)
	}
	return nil
}

// hintQuarantine says what to do about a store that lets nobody in.
func hintQuarantine(err error, database string) error {
	if errors.Is(err, store.ErrQuarantined) {
		return hint(err, "look at what it is, and end that with restore --accept --database %s", database)
	}
	return err
}
