package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// Bounds of a connection. Nobody needs long for a request, and who does not
// send one keeps nobody waiting.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	writeTimeout   = 60 * time.Second // the store alone may wait for 10 s
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10

	// drain is how long requests that run may take after SIGTERM.
	drain = 10 * time.Second
)

func (p Program) serve() *cobra.Command {
	s := settings{version: p.Version}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the agent API as a server of its own",
		Long: `Run the agent API as a server of its own, over one SQLite database.

It speaks plain HTTP and therefore listens on loopback addresses only. Every
management call needs the admin token, which is made at the first start and
kept in a file beside the database. Logs are JSON on stderr; the line with
"msg":"listening" says that the server is ready, and its "url" where.`,
		Example: `  terraform-provider-agentcreds serve --database /var/lib/agentcreds/agents.db
  AGENTCREDS_ENDPOINT=http://127.0.0.1:8484 \
  AGENTCREDS_ACCESS_TOKEN=$(cat /var/lib/agentcreds/agents.db.admin-token) terraform apply`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			checked, err := s.check()
			if err != nil {
				return err
			}
			log := slog.New(slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: checked.level}))
			return run(c.Context(), checked, log)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&s.Listen, "listen", "127.0.0.1:8484", "`address` to listen on; port 0 takes a free one")
	f.StringVar(&s.Database, "database", "agentcreds.db", "`file` of the database; made when it is not there")
	f.StringVar(&s.AdminTokenFile, "admin-token-file", "", "`file` of the token for management calls; made when it is not there;\nnone turns the token off (default <database>.admin-token)")
	f.IntVar(&s.MaxSecrets, "max-secrets", authority.DefaultMaxSecrets, "how many live secrets an agent may have, 1 to 10")
	f.StringVar(&s.LogLevel, "log-level", "info", "debug, info, warn or error")
	fromEnvironment(c, p.Getenv)
	return c
}

// run puts the server together and lets it run until ctx ends. The address is
// taken first: when it is not free, nothing has been made yet.
func run(ctx context.Context, cfg serveConfig, log *slog.Logger) error {
	listener, err := listen(ctx, cfg.listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	token, err := readToken(cfg.tokenFile)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	if token.IsZero() && cfg.tokenFile != noToken {
		if token, err = makeToken(cfg.tokenFile); err != nil {
			return err
		}
	}
	rules, err := authority.New(authority.Config{Store: store, MaxSecrets: cfg.maxSecrets})
	if err != nil {
		return err
	}
	api, err := server.New(server.Config{
		Authority: server.Always(rules),
		Authorize: bearer(token),
		Version:   cfg.version,
		Logger:    log,
	})
	if err != nil {
		return err
	}
	if token.IsZero() {
		log.Warn("there is no admin token: every management call will be refused")
	}
	log.Info("listening", "url", "http://"+listener.Addr().String(),
		"database", cfg.database, "store_id", store.ID(), "admin_token_file", cfg.tokenFile, "version", cfg.version)
	err = serveUntil(ctx, listener, logged(api, log), log)
	log.Info("stopped")
	return errors.Join(err, store.Close())
}

// serveUntil answers requests until ctx ends, and then finishes those that run.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("requests did not end in time and were cut off", "after", drain.String())
		_ = s.Close()
	}
	return nil
}
