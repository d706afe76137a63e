package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/fault"
)

// Bounds of a connection. Nobody needs long for a request, and who does not
// send one keeps nobody waiting.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	writeTimeout   = 60 * time.Second // the store alone may wait for 10 s
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10

	// heapGoal is what the collector of garbage aims at when much is sent at
	// once. What lives on the heap is far less: agents are in the database.
	heapGoal = 48 << 20

	// drain is how long requests that run may take after SIGTERM.
	drain = 10 * time.Second
)

func (p Program) serve() *cobra.Command {
	s := settings{version: p.Version}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the agent API and its token endpoint as a server",
		Long: `Run the agent API and its token endpoint as a server, over one SQLite database, or
as one of several replicas over a PostgreSQL database.

Agents get tokens at /oauth2/token with their id and secret. Management calls
take a token of a management client (see client create), or the admin token,
which is made while there is no client and kept in a file beside the database.

Plain HTTP is for this machine, or for a proxy that speaks TLS. Logs are JSON on
stderr; the line with "msg":"listening" says that the server is ready, and its
"url" where. /metrics is open to this machine alone; from elsewhere, and through
a proxy, it takes a token with the scope internal_metrics_view.

With --fault the server misbehaves, so that you can rehearse what breaks; only on
this machine, and never by an environment variable. A rule is
` + fault.Form + `.

` + fault.Help(),
		Example: `  terraform-provider-agentcreds serve --database /var/lib/agentcreds/agents.db
  terraform-provider-agentcreds serve --listen :8443 --issuer https://agents.example.com:8443 \
    --tls-cert /etc/agentcreds/tls.crt --tls-key /etc/agentcreds/tls.key
  terraform-provider-agentcreds serve --database "postgres://agentcreds@db.example.com/agentcreds" \
    --seal-key env:SEAL_KEY --listen :8443 --issuer https://agents.example.com --behind-tls-proxy
  terraform-provider-agentcreds serve --database rehearsal.db --fault "429 retry-after 1s, 5%" \
    --fault "PUT /api/server/v1/agents/*/secrets/*: lost-after-commit, nth 1"`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			checked, err := s.check()
			if err != nil {
				return err
			}
			checked.seal.getenv, checked.stdout = p.Getenv, c.OutOrStdout()
			log := slog.New(slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: checked.level}))
			if p.Getenv("GOMEMLIMIT") == "" {
				debug.SetMemoryLimit(heapGoal)
			}
			return run(c.Context(), checked, log)
		},
	}
	s.flags(c)
	fromEnvironment(c, p.Getenv)
	return c
}

func (s *settings) flags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&s.Listen, "listen", "127.0.0.1:8484", "`address` to listen on; port 0 takes a free one")
	f.StringVar(&s.Database, "database", "agentcreds.db", "`file` of the database, made when it is not there; or a postgres:// url, for\nseveral servers on one database")
	f.StringVar(&s.SealKey, "seal-key", "", "where the key is that wraps signing keys: file:`NAME`, env:VARIABLE or\nexec:COMMAND; a file is made when it is not there (default file:<database>.key; with a postgres:// url\nthere is none, and all replicas need the same)")
	f.StringVar(&s.Issuer, "issuer", "", "`url` by which others reach the server, and what tokens name as their\nissuer; https except on loopback (default where it listens)")
	f.StringVar(&s.TLSCert, "tls-cert", "", "`file` with the certificate and its chain in PEM; read again when it changes")
	f.StringVar(&s.TLSKey, "tls-key", "", "`file` with its key")
	f.BoolVar(&s.TLSSelfSigned, "tls-self-signed", false, "make a certificate for localhost at the start, for development;\nclients can trust <database>.tls-cert, or agentcreds.tls-cert")
	f.BoolVar(&s.BehindTLSProxy, "behind-tls-proxy", false, "a proxy in front speaks TLS: plain http is possible on every address")
	f.StringSliceVar(&s.TrustedProxy, "trusted-proxy", nil, "`ranges` of proxies whose Forwarded and X-Forwarded-For count")
	f.StringVar(&s.AdminTokenFile, "admin-token-file", "", "`file` of the admin token; made when it is not there and there is no\nmanagement client; none turns the token off (default <database>.admin-token; with a\npostgres:// url none)")
	f.DurationVar(&s.TokenLife, "token-life", authority.DefaultTokenLife, "how `long` tokens live, at most 1h")
	f.StringVar(&s.SigningAlg, "signing-alg", "", "what new signing keys are for: ES256, EdDSA or RS256 (default ES256, with\n--profile asgardeo RS256)")
	f.IntVar(&s.MaxSecrets, "max-secrets", authority.DefaultMaxSecrets, "how many live secrets an agent may have, 1 to 10")
	f.IntVar(&s.MaxConnections, "max-connections", 1000, "how many connections there may be at once")
	f.DurationVar(&s.RotationDue, "rotation-due", 90*day, "how old a secret may be before /metrics counts it as overdue")
	f.StringVar(&s.AuditLog, "audit-log", "", "`file`, or stdout, to which the audit is copied as it grows, with checkpoints:\nJSON, an object in each line, at least once")
	f.DurationVar(&s.AuditRetention, "audit-retention", 0, "how `long` the audit is kept: what is older is removed, and the cut recorded;\n2160h are 90 days (default for ever)")
	f.StringVar(&s.AppNative, "app-native", "", "`client=uri`: the public application, and its redirect URI, that logs agents\nin at /oauth2/authorize and /oauth2/authn with PKCE, as clients written for\nAsgardeo do (default none)")
	f.StringVar(&s.Profile, "profile", "reference", "what the server behaves like: reference, or asgardeo, to rehearse against\nWSO2's limits and texts: one secret for an agent, nothing of our extensions")
	f.IntVar(&s.RateLimit, "rate-limit", -1, "how many `requests` one address may make in a minute; 0 does not limit\n(default 200 with --profile asgardeo, else 0)")
	f.Lookup("rate-limit").DefValue = "0" // which the help leaves out: the text has it
	f.StringVar(&s.TLSClientCA, "tls-client-ca", "", "`file` with certificates of CAs in PEM, under which agents can be trusted by a\nsubject that their certificates name")
	f.StringVar(&s.ClientCertHeader, "client-cert-header", "Client-Cert", "`name` of the header by which trusted proxies hand on the certificate that a\nclient connected with (RFC 9440); its chain comes in <name>-Chain")
	f.StringVar(&s.TrustDomain, "trust-domain", "", "`name` in spiffe://<name>/agent/<id>, which certificates that are signed here\nhave (default the host of the issuer, and localhost where that is this machine)")
	f.BoolVar(&s.LegacyAudience, "legacy-audience", false, "take assertions too that name the URL of the token endpoint as their aud,\nas older clients write it; new ones name the issuer")
	f.StringSliceVar(&s.JWKSURIAllow, "jwks-uri-allow", nil, "`ranges` of addresses that are not public and at which agents may have their\njwks_uri all the same")
	f.StringVar(&s.LogLevel, "log-level", "info", "debug, info, warn or error")
	faultFlag(f, &s.Fault)
}

// run puts the server together and lets it run until ctx ends. The address is
// taken first: when it is not free, nothing has been made yet.
func run(ctx context.Context, cfg serveConfig, log *slog.Logger) error {
	listener, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	token, err := readToken(cfg.tokenFile)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, opening{database: cfg.database, create: true, creator: creator, replica: true, server: "serve " + cfg.version})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	secured, err := tlsConfig(cfg, log)
	if err != nil {
		return err
	}
	rules, err := newRules(ctx, cfg, store, ownURL(cfg, listener))
	if err != nil {
		return err
	}
	parts, err := assemble(ctx, cfg, rules, ownURL(cfg, listener), log)
	if err != nil {
		return err
	}
	if err := announceQuarantine(ctx, rules, log); err != nil {
		return err
	}
	if err := announceFaults(ctx, cfg, rules, log); err != nil {
		return err
	}
	works, err := bootstrap(ctx, rules, cfg.tokenFile, token)
	if err != nil {
		return err
	}
	if !works {
		log.Warn("there is no admin token: every management call will be refused that has no token of a management client")
	}
	log.Info("listening", "url", ownURL(cfg, listener), "issuer", parts.issuer.URL(), "database", shown(cfg.database),
		"store_id", store.ID(), "admin_token_file", cfg.tokenFile, "seal_key", cfg.seal.String(), "version", cfg.version)
	copied, kept := ship(ctx, cfg, parts, log), retain(ctx, cfg, rules, log)
	conns := newConnections(possible(cfg.connections, log))
	err = serveUntil(ctx, conns.listen(listener), parts.server(cfg, conns, secured, log), log)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	kept()
	copied(flush)
	err = errors.Join(err, parts.issuer.Close(flush), store.Close())
	log.Info("stopped")
	return err
}

// server is the HTTP server with its bounds.
func (p *parts) server(cfg serveConfig, conns *connections, secured *tls.Config, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           conns.handler(p.handler),
		TLSConfig:         secured,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConnection,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	if len(cfg.faults) > 0 {
		// A connection that breaks is one of HTTP/1.1: HTTP/2 has many requests on one.
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	return s
}

// ownFiles is how many files the server itself may need beside connections.
const ownFiles = 100

// possible is how many connections there can be. Without this bound the one too
// many would fail at what it asks for, or wait for ever.
func possible(connections int, log *slog.Logger) int {
	files := openFiles()
	if files < 0 || connections <= files-ownFiles {
		return connections
	}
	most := max(1, files-ownFiles)
	log.Warn("fewer connections are possible than --max-connections says: the limit of open files is too low", "connections", most, "open_files", files)
	return most
}

// serveUntil answers requests until ctx ends, and then finishes those that run.
func serveUntil(ctx context.Context, l net.Listener, s *http.Server, log *slog.Logger) error {
	failed := make(chan error, 1)
	go func() {
		if s.TLSConfig != nil {
			failed <- s.ServeTLS(l, "", "")
			return
		}
		failed <- s.Serve(l)
	}()
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
