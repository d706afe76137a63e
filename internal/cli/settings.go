package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/fault"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
)

// creator is what the first audit entry of a new store names.
const creator = "serve"

// settings are the flags of serve as they were written.
type settings struct {
	version          string
	Listen           string
	Database         string
	SealKey          string
	Issuer           string
	TLSCert          string
	TLSKey           string
	TLSSelfSigned    bool
	BehindTLSProxy   bool
	TrustedProxy     []string
	AdminTokenFile   string
	TokenLife        time.Duration
	SigningAlg       string
	MaxSecrets       int
	MaxConnections   int
	RotationDue      time.Duration
	AuditLog         string
	AuditRetention   time.Duration
	AppNative        string
	LegacyAudience   bool
	TLSClientCA      string
	ClientCertHeader string
	TrustDomain      string
	JWKSURIAllow     []string
	Profile          string
	RateLimit        int // less than 0: that of the profile
	LogLevel         string
	Fault            []string
}

// serveConfig is the settings, checked.
type serveConfig struct {
	version     string
	listen      string
	database    string // a file, or a URL, which may hold a password
	seal        sealSource
	issuer      string // "": where it listens
	tlsCert     string // "": none from a file
	tlsKey      string
	selfSigned  bool
	behindProxy bool // that speaks TLS
	proxies     proxies
	tokenFile   string // or noToken
	tokenLife   time.Duration
	alg         string
	maxSecrets  int
	connections int
	due         time.Duration
	auditLog    string        // a file, toStdout, or "": none
	auditKeep   time.Duration // 0: for ever
	stdout      io.Writer
	level       slog.Level
	app         *oauth.Application // nil: none
	faults      []fault.Rule
	profile     profile
	rateLimit   int  // requests of one address in a minute; 0: no limit
	legacy      bool // assertions may name the token endpoint
	jwksAllow   proxies
	clientCA    *x509.CertPool // nil: none
	certHeader  string
	trustDomain string // "": the host of the issuer
}

// plain reports whether the server itself speaks no TLS.
func (c serveConfig) plain() bool { return c.tlsCert == "" && !c.selfSigned }

// check refuses what cannot be meant before anything is touched.
func (s settings) check() (serveConfig, error) {
	cfg := serveConfig{
		version: s.version, listen: s.Listen, database: s.Database,
		tlsCert: s.TLSCert, tlsKey: s.TLSKey, selfSigned: s.TLSSelfSigned, behindProxy: s.BehindTLSProxy,
		tokenFile: s.AdminTokenFile, tokenLife: s.TokenLife, alg: s.SigningAlg,
		maxSecrets: s.MaxSecrets, connections: s.MaxConnections, due: s.RotationDue,
		auditLog: s.AuditLog, auditKeep: s.AuditRetention, legacy: s.LegacyAudience,
	}
	for _, look := range []func(settings, *serveConfig) error{
		checkTLS, checkListen, checkFaults, checkDatabase, checkIssuer, checkProxies, checkTokens, checkBounds, checkApp, checkMutualTLS, checkProfile,
	} {
		if err := look(s, &cfg); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

func checkListen(s settings, cfg *serveConfig) error {
	local, err := loopback(s.Listen)
	switch {
	case err != nil:
		return badValue("listen", s.Listen, err)
	case local:
		return nil
	case cfg.selfSigned:
		return badValue("listen", s.Listen, errors.New("--tls-self-signed is for this machine, and goes only with a loopback address"))
	case cfg.plain() && !cfg.behindProxy:
		return badValue("listen", s.Listen, errPlain)
	}
	return nil
}

// errPlain: tokens and secrets would go over the network in clear.
var errPlain = errors.New("plain http is possible only on a loopback address (127.0.0.1, [::1] or localhost): give --tls-cert and --tls-key, or --behind-tls-proxy")

func checkDatabase(s settings, cfg *serveConfig) error {
	if err := checkDatabaseName(s.Database); err != nil {
		return badDatabase(s.Database, err)
	}
	switch replicas := postgres.IsURL(s.Database); {
	case cfg.tokenFile == "" && replicas:
		cfg.tokenFile = noToken // each replica would put its own in the place of the others'
	case cfg.tokenFile == "":
		cfg.tokenFile = s.Database + ".admin-token"
	}
	if s.AuditLog != "" && postgres.IsURL(s.Database) {
		return badValue("audit-log", s.AuditLog, errors.New("with a postgresql database the replicas copy nothing: follow it with audit tail --follow --json, or export it"))
	}
	if filepath.Clean(cfg.tokenFile) == filepath.Clean(s.Database) {
		return badValue("admin-token-file", s.AdminTokenFile, errors.New("this is the database"))
	}
	if s.AuditLog != "" && filepath.Clean(s.AuditLog) == filepath.Clean(s.Database) {
		return badValue("audit-log", s.AuditLog, errors.New("this is the database"))
	}
	var err error
	if cfg.seal, err = parseSeal(s.SealKey, s.Database); err != nil {
		// What is written there by mistake could be the key itself.
		return badValue("seal-key", "…", err)
	}
	return nil
}

func checkProxies(s settings, cfg *serveConfig) error {
	var err error
	if cfg.proxies, err = parseProxies(s.TrustedProxy); err != nil {
		return badValue("trusted-proxy", strings.Join(s.TrustedProxy, ","), errRanges)
	}
	if cfg.jwksAllow, err = parseProxies(s.JWKSURIAllow); err != nil {
		return badValue("jwks-uri-allow", strings.Join(s.JWKSURIAllow, ","), errRanges)
	}
	return nil
}

var errRanges = errors.New("give addresses, or ranges as in 10.0.0.0/8")

func checkTokens(s settings, _ *serveConfig) error {
	if s.TokenLife < time.Second || s.TokenLife > time.Hour {
		return badValue("token-life", s.TokenLife.String(), errors.New("1s to 1h are possible"))
	}
	if s.SigningAlg != "" && !slices.Contains(authority.Algorithms, s.SigningAlg) {
		return badValue("signing-alg", s.SigningAlg, fmt.Errorf("%s are possible", strings.Join(authority.Algorithms, ", ")))
	}
	return nil
}

func checkApp(s settings, cfg *serveConfig) error {
	if s.AppNative == "" {
		return nil
	}
	id, redirect, ok := strings.Cut(s.AppNative, "=")
	app := oauth.Application{ClientID: id, RedirectURI: redirect}
	err := app.Check()
	if !ok {
		err = errors.New("give it as CLIENT_ID=REDIRECT_URI, as in agents=https://app.example.com/callback")
	}
	if err != nil {
		return badValue("app-native", s.AppNative, err)
	}
	cfg.app = &app
	return nil
}

func checkBounds(s settings, cfg *serveConfig) error {
	if s.MaxSecrets < 1 || s.MaxSecrets > authority.HighestMaxSecrets {
		return badValue("max-secrets", strconv.Itoa(s.MaxSecrets), fmt.Errorf("1 to %d are possible", authority.HighestMaxSecrets))
	}
	if s.MaxConnections < 1 {
		return badValue("max-connections", strconv.Itoa(s.MaxConnections), errors.New("at least 1 is needed"))
	}
	if s.RotationDue <= 0 {
		return badValue("rotation-due", s.RotationDue.String(), errors.New("it must be longer than 0"))
	}
	if s.AuditRetention != 0 && s.AuditRetention < minRetention {
		return badValue("audit-retention", s.AuditRetention.String(), fmt.Errorf("%s or longer is possible, or 0s: for ever", minRetention))
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(s.LogLevel)]
	if !ok {
		return badValue("log-level", s.LogLevel, errors.New("debug, info, warn or error are possible"))
	}
	cfg.level = level
	return nil
}
