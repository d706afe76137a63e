package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// A server that runs keeps others from a format that it cannot use. The lease is a
// lock of the session that writes, shared with other servers, and its number says
// which format the server knows as the newest: one server holds one, whatever it
// serves. A migration after which a program must know more takes the locks of all
// who know less, and none can come while it runs; one that only adds takes none.
//
// It is no row with a time at which it ends. A lock ends with what it stands for,
// and nothing has to be renewed: after kill -9 the database sees the end of the
// connection; after a cut, or the loss of a machine, it takes the connection for
// dead (tcp_keepalives of the session, 14 s), and a server that lives on has to
// take the lock again, and to look at the format, before it writes. A row would
// outlive its server by what is left of its time, end under one that was stopped
// for a while and goes on, trust clocks of several machines, and come back with a
// backup. A pooler must work by sessions, as it must for the chains: then it takes
// the locks back when it ends a session (DISCARD ALL). In any case each transaction
// looks at the format, so that without a lease an older server stops, and does
// nothing wrong.
const (
	// -1 is the number of whoever makes or migrates a store, 0 and more are chains.
	lockKnown = `SELECT pg_advisory_lock_shared(hashtext($1), -1 - $2::bigint::int)`
	// $2 is the oldest format that may stay.
	tryOlder = `SELECT bool_and(pg_try_advisory_xact_lock(hashtext($1), -1 - known)) FROM generate_series(1, $2::int - 1) known`

	selectServers = `SELECT application_name, coalesce(host(client_addr), ''), backend_start, -1 - objid::int AS known
		FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'advisory' AND objsubid = 2 AND mode = 'ShareLock' AND granted AND classid::int = hashtext($1)
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND -1 - objid::int BETWEEN 1 AND $2::int - 1
		ORDER BY backend_start`
)

// ending is how long a migration waits for servers in its way: one that was just
// ended may not be gone.
const ending = 2 * time.Second

// server is one that holds the lease.
type server struct {
	name, address string
	since         *time.Time // nil: who asks is another role, and may not see it, nor the address
	knows         int
}

func (s server) String() string {
	if s.address != "" {
		s.address = " from " + s.address
	}
	since := ""
	if s.since != nil {
		since = "since " + s.since.UTC().Format(time.RFC3339) + ", "
	}
	return fmt.Sprintf("%s%s (%sknows format %d)", s.name, s.address, since, s.knows)
}

// servedError says that servers use the store who could not after a migration.
type servedError struct {
	servers []server
	to      store.Format
}

func (e *servedError) Error() string {
	names := make([]string, len(e.servers))
	for i, s := range e.servers {
		names[i] = s.String()
	}
	if len(names) == 0 {
		names = []string{"a server that comes or goes right now"}
	}
	return fmt.Sprintf("it is in use by %s; this program would change it to format %d, for which a program must know format %d: stop what is older, then this works, or use the version of those servers",
		strings.Join(names, ", "), e.to.N, e.to.Oldest())
}

// Unwrap makes it one of others who hold the store.
func (e *servedError) Unwrap() error { return store.ErrBusy }

// dial connects the writer, and makes a server one of those who use the store.
func (w *writer) dial(ctx context.Context) (err error) {
	if w.c, err = pgx.ConnectConfig(ctx, w.s.place.writer); err != nil {
		w.c = nil
		return err
	}
	if !w.s.serves {
		return nil
	}
	// While it waited, another may have migrated: only now does nobody any more.
	if err = w.wait(ctx, lockKnown, int64(w.s.format)); err == nil {
		var b pgx.Batch
		w.s.checkFormat(&b, new(bool))
		err = send(ctx, w.c, &b, helloLimit)
	}
	if err != nil {
		w.drop()
	}
	return err
}

// alone refuses a migration while servers use the store who could not any more, and
// keeps more from coming until the transaction ends.
func alone(ctx context.Context, tx pgx.Tx, schema string, to store.Format) error {
	var free *bool // null where there is no older one
	err := tx.QueryRow(ctx, tryOlder, lockName(schema), to.Oldest()).Scan(&free)
	if err != nil || free == nil || *free {
		return err
	}
	rows, err := tx.Query(ctx, selectServers, lockName(schema), to.Oldest())
	if err != nil {
		return err
	}
	e := &servedError{to: to}
	e.servers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s server, err error) {
		err = row.Scan(&s.name, &s.address, &s.since, &s.knows)
		return s, err
	})
	return errors.Join(err, e)
}

// patiently tries again for a while when servers are in the way.
func patiently(ctx context.Context, prepare func() (string, error)) (id string, err error) {
	began := time.Now()
	for {
		id, err = prepare()
		if _, served := errors.AsType[*servedError](err); !served || time.Since(began) > ending {
			return id, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(lastPause):
		}
	}
}
