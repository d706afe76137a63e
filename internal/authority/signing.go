package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	// JWKSMaxAge is how long verifiers may keep the published keys.
	JWKSMaxAge = 5 * time.Minute
	// leadTime is how long a key is published before it signs: twice what
	// verifiers may keep, so that all know it.
	leadTime = 2 * JWKSMaxAge
	// sealPurpose binds the sealed private halves to their use.
	sealPurpose = "signing key"
	// sealSetting keeps the fingerprint of the seal key.
	sealSetting = "seal_key"
)

// Algorithms that tokens can be signed with.
var Algorithms = []string{string(jose.ES256), string(jose.EdDSA), string(jose.RS256)}

// SigningKey is what can be told of a key that signs tokens.
type SigningKey struct {
	store.SigningKey
	Signing bool // the one that signs now
}

// SigningKeys lists the keys, oldest first.
func (i *Issuer) SigningKeys(ctx context.Context) (out []SigningKey, err error) {
	err = i.a.store.View(ctx, func(r store.Reader) error {
		keys, err := r.SigningKeys()
		signer, _ := current(keys, i.a.Now())
		out = nil
		for _, k := range keys {
			out = append(out, SigningKey{k, k.ID == signer.ID})
		}
		return err
	})
	return out, err
}

// RotateSigningKey makes a key that signs once all verifiers know it. The one
// before verifies until its last token has expired.
func (i *Issuer) RotateSigningKey(ctx context.Context, p Principal) (SigningKey, error) {
	return i.addKey(ctx, p, leadTime)
}

// RevokeSigningKey withdraws a key at once: every token that it signed ends.
// When it was the one that signs, another takes its place at once, which
// offline verifiers learn when they next fetch the keys.
func (i *Issuer) RevokeSigningKey(ctx context.Context, p Principal, id string) error {
	base := audit.Event{Actor: p.Name, Action: audit.KeyRevoke, Target: id}
	return i.a.act(ctx, base, func(tx store.Tx, _ *audit.Event) error {
		keys, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		at := slices.IndexFunc(keys, func(k store.SigningKey) bool { return k.ID == id })
		switch {
		case at < 0:
			return refuse(NoKey, "There is no signing key with the id %s.", id)
		case !keys[at].Revoked.IsZero():
			return errUnchanged
		}
		keys[at].Revoked = i.a.Now()
		keys[at].Sealed = []byte{}
		return tx.SetSigningKey(keys[at])
	}, nil)
}

// addKey makes a key that signs after lead. Of several processes that make the
// first one, one does; the others find it.
func (i *Issuer) addKey(ctx context.Context, p Principal, lead time.Duration) (SigningKey, error) {
	seal, err := i.seal()
	if err != nil {
		return SigningKey{}, err
	}
	k, err := newSigningKey(i.alg, seal)
	if err != nil {
		return SigningKey{}, err
	}
	base := audit.Event{Actor: p.Name, Action: audit.KeyCreate, Target: k.ID}
	err = i.a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		keys, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		if err := checkSeal(tx, seal); err != nil {
			return err
		}
		now := i.a.Now()
		if _, ok := current(keys, now); ok && lead == 0 {
			return errUnchanged
		}
		for _, old := range keys {
			if !i.published(keys, old, now) && old.Revoked.IsZero() {
				if err := tx.RemoveSigningKey(old.ID); err != nil {
					return err
				}
			}
		}
		k.Created, k.Signs = now, now.Add(lead)
		ev.Detail["alg"], ev.Detail["signs"] = k.Alg, k.Signs.Format(time.RFC3339)
		return tx.SetSigningKey(k)
	}, nil)
	return SigningKey{SigningKey: k}, err
}

// checkSeal holds the store to one seal key: with another, nothing that it
// keeps would open.
func checkSeal(tx store.Tx, seal secret.SealKey) error {
	known, err := tx.Setting(sealSetting)
	switch {
	case err != nil:
		return err
	case known == "":
		return tx.SetSetting(sealSetting, seal.Fingerprint())
	case known != seal.Fingerprint():
		return fmt.Errorf("%w: the store was sealed with the key %s, this is %s", ErrSealKey, known, seal.Fingerprint())
	}
	return nil
}

// ErrSealKey says that the seal key is missing, or not the one of the store.
var ErrSealKey = errors.New("the seal key is not the one of this store")

// current is the key that signs now: of those that may, the newest.
func current(keys []store.SigningKey, now time.Time) (signer store.SigningKey, ok bool) {
	for _, k := range keys {
		if k.Revoked.IsZero() && !k.Signs.After(now) && (!ok || !k.Signs.Before(signer.Signs)) {
			signer, ok = k, true
		}
	}
	return signer, ok
}

// published reports whether verifiers must know the key: it signs, will sign,
// or has signed tokens that may still be in force.
func (i *Issuer) published(keys []store.SigningKey, k store.SigningKey, now time.Time) bool {
	if !k.Revoked.IsZero() {
		return false
	}
	superseded := time.Time{}
	for _, other := range keys {
		newer := other.Revoked.IsZero() && other.Signs.After(k.Signs)
		if newer && (superseded.IsZero() || other.Signs.Before(superseded)) {
			superseded = other.Signs
		}
	}
	return superseded.IsZero() || now.Before(superseded.Add(maxTokenLife+time.Minute))
}

// newSigningKey makes a key pair and seals its private half.
func newSigningKey(alg string, seal secret.SealKey) (store.SigningKey, error) {
	var private crypto.Signer
	var err error
	switch jose.SignatureAlgorithm(alg) {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		return store.SigningKey{}, fmt.Errorf("no signing algorithm %q", alg)
	}
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("make a signing key: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: alg, Use: "sig"}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("fingerprint a signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	text, err := json.Marshal(public)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("encode a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("encode a signing key: %w", err)
	}
	return store.SigningKey{ID: public.KeyID, Alg: alg, Public: string(text), Sealed: seal.Seal(sealPurpose, der)}, nil
}
