package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Lives of access tokens. They are short because offline verifiers see a
// revocation only when a token expires.
const (
	DefaultTokenLife = 10 * time.Minute
	maxTokenLife     = time.Hour
)

// IssuerConfig says how an Issuer behaves.
type IssuerConfig struct {
	Authority *Authority // required
	// URL is the issuer: what tokens carry as iss, without a slash at the end.
	URL string // required
	// Seal gives the key that wraps signing keys. It is asked when the first
	// key is made or used, so that nothing makes one before, and until it
	// gives one.
	Seal func() (secret.SealKey, error) // required
	Alg  string                         // of new signing keys; "" means ES256
	Life time.Duration                  // of tokens; 0 means 10 minutes, at most 1 hour
	// Fetch gets the key set at the jwks_uri of an agent. nil: there is none
	// to be got, and who has its keys there cannot log in.
	Fetch func(ctx context.Context, place string) ([]byte, error)
	// Audiences are further names by which assertions may call this server,
	// beside URL: older clients write the URL of the token endpoint.
	Audiences []string
}

// Issuer logs agents and management clients in, gives them tokens, and tells
// which tokens are in force.
type Issuer struct {
	a    *Authority
	url  string
	seal func() (secret.SealKey, error)
	alg  string
	life time.Duration
	// audiences are the names by which assertions may call this server.
	audiences []string
	sources   *sources

	failures  *throttle // of an agent at an address
	strangers *throttle // of an address
	throttled atomic.Int64
	someone   atomic.Pointer[string] // an agent that there was; see even
	uses      *uses
	recent    recent                  // who logged in lately
	signs     atomic.Pointer[signing] // what signed last; nil before

	mu      sync.Mutex
	sealed  secret.SealKey             // once it was needed
	signers map[string]signer          // by kid: what is slow to make
	publics map[string]jose.JSONWebKey // by kid
}

// NewIssuer makes an Issuer. It makes no key.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	if cfg.Authority == nil || cfg.URL == "" || cfg.Seal == nil {
		return nil, errors.New("authority: an issuer needs an authority, a URL and a seal key")
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(cfg.URL, "/") {
		return nil, fmt.Errorf("authority: the issuer %q is not a URL without query, fragment and slash at the end", cfg.URL)
	}
	if cfg.Alg == "" {
		cfg.Alg = string(jose.ES256)
	}
	if !slices.Contains(Algorithms, cfg.Alg) {
		return nil, fmt.Errorf("authority: no signing algorithm %q: one of %v", cfg.Alg, Algorithms)
	}
	if cfg.Life == 0 {
		cfg.Life = DefaultTokenLife
	}
	if cfg.Life < time.Second || cfg.Life > maxTokenLife {
		return nil, fmt.Errorf("authority: tokens live from 1s to %s, not %s", maxTokenLife, cfg.Life)
	}
	return &Issuer{
		a: cfg.Authority, url: cfg.URL, seal: cfg.Seal, alg: cfg.Alg, life: cfg.Life,
		audiences: append([]string{cfg.URL}, cfg.Audiences...),
		sources:   &sources{fetch: cfg.Fetch, now: cfg.Authority.Now, all: map[string]*ofAgent{}},
		failures:  newThrottle(ofOne, cfg.Authority.Now), strangers: newThrottle(ofAddress, cfg.Authority.Now), uses: newUses(cfg.Authority.store),
		signers: map[string]signer{}, publics: map[string]jose.JSONWebKey{},
	}, nil
}

// URL is the issuer.
func (i *Issuer) URL() string { return i.url }

// ManagementAudience is the audience of tokens for the management API, which
// takes no other.
func (i *Issuer) ManagementAudience() string { return i.url + "/manage" }

// Close writes what was not written yet: when credentials were last used.
func (i *Issuer) Close(ctx context.Context) error { return i.uses.close(ctx) }

// KeySet are the public keys that verify tokens.
type KeySet struct {
	JSON  json.RawMessage // a JWK Set (RFC 7517)
	Empty bool            // there was no token yet
}

// JWKS is the set of public keys that verify tokens.
func (i *Issuer) JWKS(ctx context.Context) (KeySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err := i.a.bare.View(ctx, func(r store.Reader) error {
		keys, err := r.SigningKeys()
		set.Keys = []json.RawMessage{}
		for at, k := range keys {
			if published(keys, at, i.a.Now()) {
				set.Keys = append(set.Keys, json.RawMessage(k.Public))
			}
		}
		return err
	})
	if err != nil {
		return KeySet{}, err
	}
	text, err := json.Marshal(set)
	return KeySet{text, len(set.Keys) == 0}, err
}

// signer is what signs now; the first token of all makes the first key.
func (i *Issuer) signer(ctx context.Context) (signing, error) {
	for {
		var k store.SigningKey
		var ok bool
		err := i.a.bare.View(ctx, func(r store.Reader) error {
			keys, err := r.SigningKeys()
			k, ok = current(keys, i.a.Now())
			return err
		})
		if err != nil {
			return signing{}, err
		}
		if ok {
			s, err := i.open(ctx, k)
			if err != nil {
				return signing{}, err
			}
			key := signing{id: k.ID, signer: s}
			i.signs.Store(&key)
			return key, nil
		}
		if _, err := i.addKey(ctx, Principal{Name: "server"}, 0); err != nil {
			return signing{}, err
		}
	}
}
