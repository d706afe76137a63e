package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// creator is what the first audit entry of a new store names.
const creator = "serve"

// settings are the flags of serve as they were written.
type settings struct {
	version        string
	Listen         string
	Database       string
	AdminTokenFile string
	MaxSecrets     int
	LogLevel       string
}

// serveConfig is the settings, checked.
type serveConfig struct {
	version    string
	listen     string
	database   string // a file
	tokenFile  string // or noToken
	maxSecrets int
	level      slog.Level
}

// check refuses what cannot be meant before anything is touched.
func (s settings) check() (serveConfig, error) {
	cfg := serveConfig{
		version: s.version, listen: s.Listen, database: s.Database,
		tokenFile: s.AdminTokenFile, maxSecrets: s.MaxSecrets,
	}
	if err := loopback(s.Listen); err != nil {
		return cfg, badValue("listen", s.Listen, err)
	}
	if err := databaseFile(s.Database); err != nil {
		kind, _, isURL := strings.Cut(s.Database, "://")
		if isURL {
			kind += "://…" // the rest may hold a password
		}
		return cfg, badValue("database", kind, err)
	}
	if cfg.tokenFile == "" {
		cfg.tokenFile = s.Database + ".admin-token"
	}
	if filepath.Clean(cfg.tokenFile) == filepath.Clean(s.Database) {
		return cfg, badValue("admin-token-file", s.AdminTokenFile, errors.New("this is the database"))
	}
	if s.MaxSecrets < 1 || s.MaxSecrets > authority.HighestMaxSecrets {
		return cfg, badValue("max-secrets", strconv.Itoa(s.MaxSecrets), fmt.Errorf("1 to %d are possible", authority.HighestMaxSecrets))
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(s.LogLevel)]
	if !ok {
		return cfg, badValue("log-level", s.LogLevel, errors.New("debug, info, warn or error are possible"))
	}
	cfg.level = level
	return cfg, nil
}

// databaseFile refuses what is not a file name.
func databaseFile(database string) error {
	kind, _, isURL := strings.Cut(database, "://")
	switch {
	case database == "":
		return errors.New("a file name is needed")
	case isURL && (kind == "postgres" || kind == "postgresql"):
		return errors.New("postgresql is not supported by this version: give the name of a sqlite file")
	case isURL:
		return errors.New("give the name of a file, not a url")
	}
	return nil
}

// openStore opens the database, or makes it.
func openStore(ctx context.Context, cfg serveConfig) (store.Store, error) {
	s, err := sqlite.Open(ctx, sqlite.Config{Path: cfg.database, Create: true, Creator: creator})
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, store.ErrForeign):
		return nil, hint(err, "nothing was changed; choose another file with --database")
	case errors.Is(err, store.ErrBusy):
		return nil, hint(err, "end the process that holds it, or choose another file with --database")
	default:
		return nil, hint(err, "check the file and its directory, or choose another one with --database")
	}
}

// loopback refuses addresses that other machines can reach: tokens and secrets
// would go over the network in clear.
func loopback(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("give it as host:port, as in 127.0.0.1:8484")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("the port must be a number from 0 to 65535")
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || (err == nil && ip.IsLoopback()) {
		return nil
	}
	return errors.New("this version speaks plain http, and only on a loopback address: 127.0.0.1, [::1] or localhost")
}

// listen takes the address. A name can lead anywhere, so it is looked at again.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, hint(err, "is another server running there? choose another port with --listen (port 0 takes a free one)")
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s leads to %s, which is not a loopback address", address, l.Addr()), l.Close())
	}
	return l, nil
}
