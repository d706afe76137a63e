package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// restoring is the flags of restore.
type restoring struct {
	directly
	Identity   string
	Overwrite  bool
	Quarantine bool
	Accept     bool
	AuditLogs  []string
	NoLog      bool
	asJSON     bool
}

func (p Program) restore() *cobra.Command {
	var r restoring
	c := &cobra.Command{
		Use:   "restore FILE --identity KEYFILE, or restore --accept",
		Short: "Bring a database back from a backup",
		Long: `Bring a database back from a backup, in two steps.

First, restore FILE decrypts it with the private key of a recipient, checks all of
it, and puts it where --database says. Every token from before is dead, and the store
is quarantined: nobody can log in, and the management API answers 503, so that
Terraform does not take for deleted what the backup does not have. The audit can be
read. The store keeps its id: states of Terraform go on with it.

Then restore --accept ends that. The backup does not know what was revoked after it:
give the audit of the lost server, by --audit-log, as serve --audit-log or audit
export wrote it. It must go on where the backup ends; what it says was revoked,
blocked or deleted is so here, too, and what only people can do is listed. Without
it, say so: --without-audit-log. Whatever was revoked after the backup counts again.

--quarantine is for a database that was brought back by other means: a PostgreSQL
database by its own tools, or a copy of the disk.`,
		Example: `  terraform-provider-agentcreds restore agents-2026-03-01.age --identity key.txt --database agents.db
  terraform-provider-agentcreds restore --accept --audit-log audit.ndjson --database agents.db`,
		Args: cobra.ArbitraryArgs, // RunE says what is wrong with them
		RunE: func(c *cobra.Command, args []string) error {
			if err := r.check(args); err != nil {
				return err
			}
			switch {
			case r.Accept:
				return r.accept(c)
			case r.Quarantine:
				return r.quarantine(c)
			}
			return r.restore(c, args[0])
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&r.Identity, "identity", "", "`file` with the private key (AGE-SECRET-KEY-…) of a recipient, of yours alone")
	f.BoolVar(&r.Overwrite, "overwrite", false, "there may be a database already: it is moved aside, and not deleted")
	f.BoolVar(&r.Accept, "accept", false, "end the quarantine")
	f.StringArrayVar(&r.AuditLogs, "audit-log", nil, "`file` with the audit of the lost server, which goes on where the backup ends;\nseveral, in order, where it was rotated")
	f.BoolVar(&r.NoLog, "without-audit-log", false, "there is none: what was revoked after the backup counts again")
	f.BoolVar(&r.Quarantine, "quarantine", false, "begin a quarantine of a database that was brought back by other means")
	f.BoolVar(&r.asJSON, "json", false, "print JSON")
	r.flag(c)
	fromEnvironment(c, p.Getenv, "database", "identity")
	return c
}

// check refuses what cannot be meant.
func (r *restoring) check(args []string) error {
	switch {
	case r.Accept && r.Quarantine, (r.Accept || r.Quarantine) && (len(args) > 0 || r.Overwrite), !r.Accept && (len(r.AuditLogs) > 0 || r.NoLog):
		return usage(errors.New("restore FILE, restore --quarantine and restore --accept are three steps: --overwrite goes with the first, --audit-log and --without-audit-log with the last"))
	case r.Accept && (len(r.AuditLogs) > 0) == r.NoLog:
		return usage(errors.New("restore --accept needs the audit of the lost server: --audit-log FILE, or --without-audit-log where there is none"))
	case r.Accept, r.Quarantine:
		return nil
	case len(args) != 1:
		return usage(errors.New("restore needs one backup, or --accept"))
	case r.Identity == "":
		return usage(errors.New("--identity is needed: the file with the private key of a recipient"))
	}
	return nil
}

func (r *restoring) restore(c *cobra.Command, file string) (err error) {
	if err := checkDatabaseFile(r.Database); err != nil {
		return err
	}
	by, err := readIdentities(r.Identity)
	if err != nil {
		return hint(fmt.Errorf("use the identity %s: %w", r.Identity, err), "it must be a file of yours alone (mode 0600), as age-keygen writes it")
	}
	in, err := os.Open(file)
	if err != nil {
		return hint(err, "name a file that backup has made")
	}
	defer func() { _ = in.Close() }()
	if _, err := os.Lstat(r.Database); err == nil && !r.Overwrite {
		return hintThere(fmt.Errorf("%s: %w", r.Database, sqlite.ErrThere))
	}
	if err := os.MkdirAll(filepath.Dir(r.Database), 0o700); err != nil {
		return err
	}
	to, err := os.CreateTemp(filepath.Dir(r.Database), filepath.Base(r.Database)+".restore-*")
	if err != nil {
		return hint(err, "look whether there is room, and whether you may write there")
	}
	defer func() {
		_ = to.Close()
		for _, end := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(to.Name() + end)
		}
	}()
	m, err := readBackup(c.Context(), in, by, to)
	if err := errors.Join(err, to.Close()); err != nil {
		return hintBackup(fmt.Errorf("restore %s: %w", file, err))
	}
	q, err := closed(c.Context(), to.Name(), audit.StoreRestore, filepath.Base(file))
	if err != nil {
		return err
	}
	aside, err := sqlite.Place(to.Name(), r.Database, r.Overwrite)
	if err != nil {
		return hintThere(fmt.Errorf("put the database to %s: %w", r.Database, err))
	}
	if r.asJSON {
		return printJSON(c.OutOrStdout(), struct {
			manifest
			Since any    `json:"quarantinedSince"`
			Aside string `json:"movedAside,omitempty"`
		}{m, q.Since, aside})
	}
	if aside != "" {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s: what was there is now %s\n", name, aside)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "the store %s is as it was at entry %d of its audit (%s), and quarantined: go on with restore --accept\n",
		m.StoreID, m.Seq, m.Time.Format("2006-01-02T15:04:05Z"))
	return err
}

// closed opens a store, quarantines it, and lets go of it.
func closed(ctx context.Context, database string, action audit.Action, from string) (q authority.Quarantine, err error) {
	d := directly{Database: database}
	rules, who, done, err := d.open(ctx, false)
	if err != nil {
		return q, err
	}
	detail := map[string]string{}
	if from != "" {
		detail["file"] = from
	}
	q, err = rules.Quarantine(ctx, who, action, detail)
	return q, errors.Join(err, done())
}

func (r *restoring) quarantine(c *cobra.Command) error {
	q, err := closed(c.Context(), r.Database, audit.StoreQuarantine, "")
	if err != nil {
		return err
	}
	if r.asJSON {
		return printJSON(c.OutOrStdout(), q)
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), "nobody is let in since "+q.Since.Format("2006-01-02T15:04:05Z")+"; what was done after entry "+
		entries(q.Heads)+" of the audit is not known here: go on with restore --accept")
	return err
}

// entries names the ends of an audit.
func entries(heads []authority.Head) string {
	var numbers []string
	for _, h := range heads {
		numbers = append(numbers, strconv.FormatInt(h.Seq, 10))
	}
	return strings.Join(numbers, ", ")
}

func readIdentities(file string) (secret.Identities, error) {
	text, err := secret.ReadFile(file)
	if err != nil {
		return secret.Identities{}, err
	}
	return secret.ParseIdentities(text)
}

func hintThere(err error) error {
	if errors.Is(err, store.ErrBusy) {
		return hint(err, "nothing was changed; end the server first")
	}
	if errors.Is(err, sqlite.ErrThere) {
		return hint(err, "nothing was changed; end what uses it, and let it be moved aside with --overwrite, or give another --database")
	}
	return err
}

func hintBackup(err error) error {
	switch {
	case errors.Is(err, secret.ErrNotForUs):
		return hint(err, "give another --identity: the private key of one of the recipients, which the audit entry store.backup names")
	case errors.Is(err, secret.ErrDamaged), errors.Is(err, io.ErrUnexpectedEOF):
		return hint(err, "nothing was changed; fetch the backup again, or take an older one")
	}
	return hint(err, "nothing was changed; look at which version of this program has made it")
}
