package authority

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
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
	// key is made or used, so that nothing makes one before.
	Seal func() (secret.SealKey, error) // required
	Alg  string                         // of new signing keys; "" means ES256
	Life time.Duration                  // of tokens; 0 means 10 minutes, at most 1 hour
}

// Issuer logs agents and management clients in, gives them tokens, and tells
// which tokens are in force.
type Issuer struct {
	a    *Authority
	url  string
	seal func() (secret.SealKey, error)
	alg  string
	life time.Duration

	failures *throttle
	uses     *uses

	mu      sync.Mutex
	signers map[string]jose.Signer // by kid: what is slow to make
}

// NewIssuer makes an Issuer. It makes no key.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	if cfg.Authority == nil || cfg.URL == "" || cfg.Seal == nil {
		return nil, errors.New("authority: an issuer needs an authority, a URL and a seal key")
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
	i := &Issuer{a: cfg.Authority, url: cfg.URL, alg: cfg.Alg, life: cfg.Life, signers: map[string]jose.Signer{}}
	i.seal = sync.OnceValues(cfg.Seal)
	i.failures = newThrottle(i.a.Now)
	i.uses = newUses(cfg.Authority.store)
	return i, nil
}

// URL is the issuer.
func (i *Issuer) URL() string { return i.url }

// ManagementAudience is the audience of tokens for the management API, which
// takes no other.
func (i *Issuer) ManagementAudience() string { return i.url + "/manage" }

// Close writes what was not written yet: when credentials were last used.
func (i *Issuer) Close(ctx context.Context) error { return i.uses.flush(ctx) }

// JWKS is the set of public keys that verify tokens (RFC 7517).
func (i *Issuer) JWKS(ctx context.Context) (json.RawMessage, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{[]json.RawMessage{}}
	err := i.a.store.View(ctx, func(r store.Reader) error {
		keys, err := r.SigningKeys()
		set.Keys = set.Keys[:0]
		for _, k := range keys {
			if i.published(keys, k, i.a.Now()) {
				set.Keys = append(set.Keys, json.RawMessage(k.Public))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// signer is what signs now; the first token of all makes the first key.
func (i *Issuer) signer(ctx context.Context) (jose.Signer, error) {
	for {
		var k store.SigningKey
		var ok bool
		err := i.a.store.View(ctx, func(r store.Reader) error {
			keys, err := r.SigningKeys()
			k, ok = current(keys, i.a.Now())
			return err
		})
		if err != nil {
			return nil, err
		}
		if ok {
			return i.open(k)
		}
		if _, err := i.addKey(ctx, Principal{Name: "server"}, 0); err != nil {
			return nil, err
		}
	}
}

// open unseals a key and keeps it ready.
func (i *Issuer) open(k store.SigningKey) (jose.Signer, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s, ok := i.signers[k.ID]; ok {
		return s, nil
	}
	seal, err := i.seal()
	if err != nil {
		return nil, err
	}
	der, err := seal.Open(sealPurpose, k.Sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: signing key %s: %w", ErrSealKey, k.ID, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read signing key %s: %w", k.ID, err)
	}
	opts := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", k.ID)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Alg), Key: private}, opts)
	if err != nil {
		return nil, fmt.Errorf("use signing key %s: %w", k.ID, err)
	}
	i.signers[k.ID] = s
	return s, nil
}
