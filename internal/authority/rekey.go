package authority

import (
	"context"
	"fmt"
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Rekey seals everything that is sealed with another key, all of it or nothing, and
// tells how much that was. A store that has the new key already, as after an attempt
// whose end nobody saw, stays as it is.
func (a *Authority) Rekey(ctx context.Context, p Principal, old, fresh secret.SealKey) (count int, err error) {
	err = a.reseal(ctx, p, fresh.Fingerprint(), func(tx store.Tx, ev *audit.Event) error {
		if err := checkSeal(tx, old); err != nil {
			return err
		}
		count = 0
		return eachSealed(tx, func(what, purpose string, sealed []byte) ([]byte, error) {
			plain, err := old.Open(purpose, sealed)
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrSealKey, what, err)
			}
			count++
			ev.Detail["sealed"] = strconv.Itoa(count)
			return fresh.Seal(purpose, plain), nil
		})
	})
	return count, err
}

// ForgetSealed is for a seal key that is lost: what it sealed is given up. Every
// token ends, and another signing key is made with the next one; CAs sign nothing
// any more, revocation lists included.
func (a *Authority) ForgetSealed(ctx context.Context, p Principal) error {
	return a.reseal(ctx, p, "", func(tx store.Tx, ev *audit.Event) error {
		ev.Detail["lost"] = "true"
		now := a.Now()
		signing, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		for _, k := range signing {
			if k.Revoked.IsZero() {
				k.Revoked = now
			}
			k.Sealed = []byte{}
			if err := tx.SetSigningKey(k); err != nil {
				return err
			}
		}
		cas, err := tx.CAKeys()
		for _, k := range cas {
			if k.Retired.IsZero() {
				k.Retired = now
			}
			k.Sealed = []byte{}
			if err := tx.SetCAKey(k); err != nil {
				return err
			}
		}
		return err
	})
}

// reseal changes what is sealed, and which key the store is sealed with.
func (a *Authority) reseal(ctx context.Context, p Principal, fingerprint string, change func(store.Tx, *audit.Event) error) error {
	return a.act(ctx, audit.Event{Actor: p.Name, Action: audit.SealChange}, func(tx store.Tx, ev *audit.Event) error {
		known, err := tx.Setting(sealSetting)
		switch {
		case err != nil:
			return err
		case known == "":
			return refuse(Invalid, "Nothing in the store is sealed: the seal key can be replaced as it is.")
		case known == fingerprint:
			return errUnchanged
		}
		ev.Detail["from"], ev.Detail["to"] = known, fingerprint
		if err := change(tx, ev); err != nil {
			return err
		}
		return tx.SetSetting(sealSetting, fingerprint)
	}, nil)
}

// eachSealed replaces everything that is sealed.
func eachSealed(tx store.Tx, replace func(what, purpose string, sealed []byte) ([]byte, error)) error {
	signing, err := tx.SigningKeys()
	if err != nil {
		return err
	}
	for _, k := range signing {
		if len(k.Sealed) == 0 { // it was revoked
			continue
		}
		if k.Sealed, err = replace("signing key "+k.ID, sealPurpose, k.Sealed); err != nil {
			return err
		}
		if err := tx.SetSigningKey(k); err != nil {
			return err
		}
	}
	cas, err := tx.CAKeys()
	if err != nil {
		return err
	}
	for _, k := range cas {
		if len(k.Sealed) == 0 {
			continue
		}
		if k.Sealed, err = replace("CA key "+k.ID, caPurpose, k.Sealed); err != nil {
			return err
		}
		if err := tx.SetCAKey(k); err != nil {
			return err
		}
	}
	return nil
}
