package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// defaultSchema is where the tables are, unless search_path in the URL names
// another schema.
const defaultSchema = "agentcreds"

// Bounds of what a connection waits for. A server that was cut off from the
// database lets go of what it held after heldFor, and of its chain when the
// database takes the connection for dead.
const (
	dialTimeout    = 5 * time.Second
	statementLimit = 15 * time.Second
	heldFor        = 5 * time.Second
	defaultReaders = 8
)

// session is what each connection is set to. The settings that the URL names
// count more. Without a sequential scan a serializable transaction takes what it
// read for less than a whole table, however small that is, and fails less often;
// what has to scan one all the same must not be compiled for it.
var session = map[string]string{
	"statement_timeout":                   "15s",
	"idle_in_transaction_session_timeout": "5s",
	"tcp_keepalives_idle":                 "5",
	"tcp_keepalives_interval":             "3",
	"tcp_keepalives_count":                "3",
	"client_connection_check_interval":    "2s",
	"enable_seqscan":                      "off",
	"jit":                                 "off",
	"application_name":                    "agentcreds",
}

var errURL = errors.New("it is not the url of a postgresql database, as in postgres://user@db.example.com:5432/agentcreds?sslmode=verify-full")

var errURLFiles = fmt.Errorf("%w, or what sslrootcert, sslcert or sslkey in it names is no certificate or key in PEM, or not of one pair", errURL)

// place is where the store is: how to connect, and what it is called in messages,
// which never have the password.
type place struct {
	pool   *pgxpool.Config // for readers
	writer *pgx.ConnConfig // for the one that writes
	schema string
	name   string
	answer time.Duration // how long a statement may take: a little longer than the database lets it
}

// IsURL reports whether the name of a database is a URL of this kind.
func IsURL(database string) bool {
	kind, _, found := strings.Cut(database, "://")
	return found && (kind == "postgres" || kind == "postgresql")
}

// Redact is the URL without its password and its parameters, for people. What is
// no URL of this kind it does not repeat.
func Redact(database string) string {
	u, err := url.Parse(database)
	if err != nil || !IsURL(database) {
		return "postgres://…"
	}
	clean := url.URL{Scheme: "postgres", Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		clean.User = url.User(name)
	}
	if host := u.Query().Get("host"); u.Host == "" && strings.HasPrefix(host, "/") {
		clean.RawQuery = "host=" + host
	}
	return clean.String()
}

// Check refuses what cannot be the URL of a database. Nothing is connected to.
func Check(database string) error {
	_, err := parse(database)
	return err
}

// parse reads the URL. The errors of the library quote it, so they are not
// passed on.
func parse(database string) (place, error) {
	p := place{name: Redact(database), schema: defaultSchema}
	u, err := url.Parse(database)
	if err != nil || !IsURL(database) {
		return p, errURL
	}
	query := u.Query()
	for _, name := range []string{"service", "servicefile", "passfile"} {
		if query.Has(name) {
			return p, fmt.Errorf("%s is not possible in the url of the database", name)
		}
	}
	if path := query.Get("search_path"); path != "" {
		p.schema = path
		query.Del("search_path")
	}
	if strings.ContainsAny(p.schema, `,"$`) || len(p.schema) > 63 {
		return p, errors.New("search_path in the url of the database must be the name of one schema")
	}
	if query.Get("sslmode") == "" && !localHosts(u, query) {
		query.Set("sslmode", "verify-full") // who wants less must say so
	}
	for _, name := range []string{"sslrootcert", "sslcert", "sslkey"} {
		if file := query.Get(name); file != "" {
			if _, err := os.ReadFile(file); err != nil { //nolint:gosec // the operator's own
				return p, fmt.Errorf("%s in the url of the database: %w", name, err)
			}
		}
	}
	u.RawQuery = query.Encode()
	if p.pool, err = pgxpool.ParseConfig(u.String()); err != nil {
		if query.Has("sslrootcert") || query.Has("sslcert") || query.Has("sslkey") {
			return p, errURLFiles
		}
		return p, errURL
	}
	if !query.Has("pool_max_conns") {
		p.pool.MaxConns = defaultReaders
	}
	p.connections()
	return p, nil
}

// localHosts reports whether no connection leaves the machine.
func localHosts(u *url.URL, query url.Values) bool {
	hosts := u.Host
	if hosts == "" {
		hosts = query.Get("host")
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if !strings.HasPrefix(host, "/") && host != "localhost" && host != "" && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return hosts != ""
}

// connections sets how connections are made and what they are set to.
func (p *place) connections() {
	c := p.pool.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = dialTimeout
	}
	c.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3}}).DialContext
	c.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	// A wait that its caller has given up ends in the database, too, and the
	// connection can be used again.
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
	}
	p.answer = limitOf(c.RuntimeParams["statement_timeout"])
	c.RuntimeParams["search_path"] = pgx.Identifier{p.schema}.Sanitize()
	for name, value := range session {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	p.pool.PrepareConn = nil
	// A commit that takes long is not cancelled: where it waits for a standby, the
	// database would call it done.
	p.writer = c.Copy()
	p.writer.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
	}
}

// call gives the connection of the one that writes a name by which the database
// knows it, unless the URL has one: PostgreSQL keeps 63 characters.
func (p *place) call(server string) {
	const name = "application_name"
	if server != "" && p.writer.RuntimeParams[name] == session[name] {
		host, _ := os.Hostname()
		p.writer.RuntimeParams[name] = fmt.Sprintf("%s %s (process %d on %s)", session[name], server, os.Getpid(), host)
	}
}

// durable turns on what the database has off: that a commit is kept when it is
// answered. Who wants less names synchronous_commit in the URL.
func (p *place) durable() {
	const name = "synchronous_commit"
	for _, c := range []*pgx.ConnConfig{p.pool.ConnConfig, p.writer} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = "on"
		}
	}
}

// limitOf is how long a statement may take here where the database lets it take
// that long; the database knows more units, all of them longer.
func limitOf(statementTimeout string) time.Duration {
	limit := statementLimit
	if n, err := strconv.Atoi(statementTimeout); err == nil {
		limit = time.Duration(n) * time.Millisecond
	} else if d, err := time.ParseDuration(strings.ReplaceAll(statementTimeout, " ", "")); err == nil {
		limit = d
	} else if statementTimeout != "" {
		limit = viewLimit
	}
	if limit <= 0 || limit > viewLimit { // 0 is as long as it likes
		return viewLimit
	}
	return limit + time.Second
}
