package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
	_ "modernc.org/sqlite" // the driver "sqlite": no cgo, so one build serves every system
)

// What a connection is for.
const (
	writing = ""
	reading = "PRAGMA query_only = ON"
)

// settings are those of every connection. SQLite's own wait for a lock is
// off: it cannot be cancelled, and sleeps too long to be fair (see patiently).
// The log is written back into the file every 16 MiB, not every 4: logins change
// the same pages again and again, and each is written back once for all of that.
// What sorting needs stays in memory, so that no copy of a record gets into
// the directory for temporary files.
const settings = "mode=rw&_defensive=1&_dqs=0" +
	"&_pragma=busy_timeout(0)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)" +
	"&_pragma=wal_autocheckpoint(4000)&_pragma=temp_store(MEMORY)&_pragma=trusted_schema(OFF)"

// open returns the database at the absolute path; nothing is read yet.
func open(path, settings string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // file:///C:/agents.db
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: settings}
	return sql.Open("sqlite", u.String())
}

// conn is one connection with the statements that it has prepared. Its methods
// do not take a context: once a transaction runs, it is carried through.
type conn struct {
	c        *sql.Conn
	prepared map[string]*sql.Stmt
	begun    bool // a transaction is open
	closed   bool // as of its transaction: the store is quarantined
	known    known
	spent    int    // how many keys were spent
	swept    string // the last of them that was looked at, whether it has expired
}

// connect opens a connection and applies a setting of its own, if not "".
func connect(db *sql.DB, setting string) (*conn, error) {
	c, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	if setting != "" {
		if _, err := c.ExecContext(context.Background(), setting); err != nil {
			(&conn{c: c}).discard()
			return nil, err
		}
	}
	return &conn{c: c, prepared: map[string]*sql.Stmt{}}, nil
}

// begin begins a transaction with that statement.
func (c *conn) begin(statement string) error {
	_, err := c.exec(statement)
	c.begun = err == nil
	return err
}

// commit commits. When that fails the transaction is still open, or SQLite
// has rolled it back: rest handles both.
func (c *conn) commit() error {
	_, err := c.exec("COMMIT")
	c.begun = err != nil
	return err
}

// rest rolls back what is open and returns the connection for the next
// transaction: nil when it is not fit for one.
func (c *conn) rest() *conn {
	if c == nil || !c.begun {
		return c
	}
	c.begun, c.known = false, known{}
	if _, err := c.exec("ROLLBACK"); err != nil {
		c.discard()
		return nil
	}
	return c
}

// forget closes the prepared statements. As long as one of them is there,
// SQLite keeps the file open, and its locks.
func (c *conn) forget() {
	for _, s := range c.prepared {
		_ = s.Close()
	}
	clear(c.prepared)
}

// discard closes the connection for good; SQLite rolls back what is open.
func (c *conn) discard() {
	c.forget()
	_ = c.c.Raw(func(any) error { return driver.ErrBadConn })
}

// release gives the connection back to the database.
func (c *conn) release() {
	if c != nil {
		c.forget()
		_ = c.c.Close()
	}
}

// statement returns the prepared form of a statement, one of a small set.
func (c *conn) statement(query string) (*sql.Stmt, error) {
	if s, ok := c.prepared[query]; ok {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.prepared[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	s, err := c.statement(query) //nolint:sqlclosecheck // it is kept: see forget
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// script runs statements that are not kept.
func (c *conn) script(statements string) error {
	_, err := c.c.ExecContext(context.Background(), statements)
	return err
}

// scan reads the columns of one row.
type scan = row.Scan

// rows calls each with every row.
func (c *conn) rows(query string, args []any, each func(scan) error) error {
	s, err := c.statement(query) //nolint:sqlclosecheck // it is kept: see forget
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	return drain(rows, err, each)
}

// rowsOnce is rows for a statement that is not one of a small set: it is not
// kept.
func (c *conn) rowsOnce(query string, args []any, each func(scan) error) error {
	rows, err := c.c.QueryContext(context.Background(), query, args...)
	return drain(rows, err, each)
}

func drain(rows *sql.Rows, err error, each func(scan) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // an error in reading is in rows.Err
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row reads the first row into dest: sql.ErrNoRows when there is none.
func (c *conn) row(query string, args []any, dest ...any) error {
	err := sql.ErrNoRows
	if e := c.rows(query, args, func(scan scan) error {
		err = scan(dest...)
		return err
	}); e != nil {
		return e
	}
	return err
}

// number reads one number.
func (c *conn) number(query string) (n int, err error) {
	err = c.row(query, nil, &n)
	return n, err
}
