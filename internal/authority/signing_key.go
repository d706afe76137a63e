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

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// sealKey asks for the seal key, until it gets one.
func (i *Issuer) sealKey() (secret.SealKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sealed.Fingerprint() != "" {
		return i.sealed, nil
	}
	seal, err := i.seal()
	if err == nil && seal.Fingerprint() == "" {
		err = fmt.Errorf("%w: it is empty", ErrSealKey)
	}
	if err != nil {
		return secret.SealKey{}, err
	}
	i.sealed = seal
	return seal, nil
}

// presentSeal is the seal key of the store. It is asked for anew when the store was
// sealed with another since: see Rekey.
func (i *Issuer) presentSeal(ctx context.Context) (secret.SealKey, error) {
	return i.a.sealedWith(ctx, i.sealKey, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.sealed = secret.SealKey{}
	})
}

// sealedWith is the key that ask gives, if it is that of the store. One that was
// remembered and is not is forgotten, and asked for once more.
func (a *Authority) sealedWith(ctx context.Context, ask func() (secret.SealKey, error), forget func()) (secret.SealKey, error) {
	for again := true; ; again = false {
		seal, err := ask()
		if err != nil {
			return secret.SealKey{}, err
		}
		err = a.bare.View(ctx, func(r store.Reader) error { return checkSeal(r, seal) })
		if err == nil {
			return seal, nil
		}
		if !errors.Is(err, ErrSealKey) {
			return secret.SealKey{}, err
		}
		forget()
		if !again {
			return secret.SealKey{}, err
		}
	}
}

// checkSeal holds the store to one seal key: with another, nothing that it
// keeps would open.
func checkSeal(r store.Reader, seal secret.SealKey) error {
	known, err := r.Setting(sealSetting)
	switch {
	case err != nil || known == "":
		return err
	case known != seal.Fingerprint():
		return fmt.Errorf("%w: the store was sealed with the key %s, this is %s", ErrSealKey, known, seal.Fingerprint())
	}
	return nil
}

// ErrSealKey says that the seal key is missing, or not the one of the store.
var ErrSealKey = secret.ErrSealKey

// open unseals a key and keeps it ready.
func (i *Issuer) open(ctx context.Context, k store.SigningKey) (signer, error) {
	i.mu.Lock()
	s, ok := i.signers[k.ID]
	i.mu.Unlock()
	if ok {
		return s, nil
	}
	private, err := i.unseal(ctx, k)
	if err != nil {
		return signer{}, err
	}
	if s, err = newSigner(k.Alg, k.ID, private); err != nil {
		return signer{}, fmt.Errorf("use signing key %s: %w", k.ID, err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signers[k.ID] = s
	return s, nil
}

// unseal opens the private half of a key.
func (i *Issuer) unseal(ctx context.Context, k store.SigningKey) (any, error) {
	seal, err := i.presentSeal(ctx)
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
	return private, nil
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
