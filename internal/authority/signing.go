package authority

import (
	"context"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
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
	// tokenType is the typ of access tokens (RFC 9068 §2.1).
	tokenType = "at+jwt"
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
	err = i.a.bare.View(ctx, func(r store.Reader) error {
		keys, err := r.SigningKeys()
		signer, ok := current(keys, i.a.Now())
		out = nil
		for _, k := range keys {
			out = append(out, SigningKey{k, ok && k.ID == signer.ID})
		}
		return err
	})
	return out, err
}

// RotateSigningKey makes a key that signs once all verifiers know it. The one
// before verifies until its last token has expired. Of several that rotate at the
// same moment one makes the key, and all get that.
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
// first one, or the next, one does; the others find it.
func (i *Issuer) addKey(ctx context.Context, p Principal, lead time.Duration) (SigningKey, error) {
	seal, err := i.presentSeal(ctx)
	if err != nil {
		return SigningKey{}, err
	}
	var before string
	if err := i.a.store.View(ctx, func(r store.Reader) error {
		keys, err := r.SigningKeys()
		before = newestKey(keys).ID
		return err
	}); err != nil {
		return SigningKey{}, err
	}
	k, err := newSigningKey(i.alg, seal)
	if err != nil {
		return SigningKey{}, err
	}
	made := k
	base := audit.Event{Actor: p.Name, Action: audit.KeyCreate, Target: k.ID}
	err = i.a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		keys, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		if err := checkSeal(tx, seal); err != nil {
			return err
		}
		if err := tx.SetSetting(sealSetting, seal.Fingerprint()); err != nil {
			return err
		}
		now := i.a.Now()
		k = made
		if _, ok := current(keys, now); ok && lead == 0 {
			return errUnchanged
		}
		if newest := newestKey(keys); newest.ID != before && newest.Revoked.IsZero() {
			k = newest // which another has made meanwhile
			return errUnchanged
		}
		for at, old := range keys {
			if !published(keys, at, now) && old.Revoked.IsZero() {
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

// newestKey is the one that was made last; keys are oldest first.
func newestKey(keys []store.SigningKey) (k store.SigningKey) {
	if len(keys) > 0 {
		k = keys[len(keys)-1]
	}
	return k
}

// signed reports whether the key signs, has signed, or will: it was not revoked
// before its time came.
func signed(k store.SigningKey) bool { return k.Revoked.IsZero() || !k.Revoked.Before(k.Signs) }

// current is the key that signs now: of those whose time has come, the newest.
// When that one was revoked there is none: what it had replaced does not come
// back. keys are oldest first.
func current(keys []store.SigningKey, now time.Time) (newest store.SigningKey, ok bool) {
	for _, k := range keys {
		if signed(k) && !k.Signs.After(now) && !k.Signs.Before(newest.Signs) {
			newest, ok = k, k.Revoked.IsZero()
		}
	}
	return newest, ok
}

// published reports whether verifiers must know the key: it signs, will sign,
// or has signed tokens that may still be in force.
func published(keys []store.SigningKey, at int, now time.Time) bool {
	k := keys[at]
	if !k.Revoked.IsZero() {
		return false
	}
	for n, other := range keys {
		newer := other.Signs.After(k.Signs) || (n > at && other.Signs.Equal(k.Signs))
		if newer && signed(other) && !now.Before(other.Signs.Add(maxTokenLife+time.Minute)) {
			return false
		}
	}
	return true
}
