package authority_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// kids are the published keys, oldest first.
func (o *office) kids(t *testing.T) (kids []string) {
	t.Helper()
	set, err := o.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Keys []struct{ Kid string } `json:"keys"`
	}
	if err := json.Unmarshal(set.JSON, &parsed); err != nil || parsed.Keys == nil {
		t.Fatalf("JWKS = %s, %v", set.JSON, err)
	}
	for _, k := range parsed.Keys {
		kids = append(kids, k.Kid)
	}
	if set.Empty != (len(kids) == 0) {
		t.Errorf("Empty = %v with %d keys", set.Empty, len(kids))
	}
	return kids
}

func (o *office) wantKids(t *testing.T, what string, want int) {
	t.Helper()
	if got := o.kids(t); len(got) != want {
		t.Errorf("%s: %d keys are published, want %d", what, len(got), want)
	}
}

// A new key is known to all verifiers before it signs, and the old one until
// its last token has expired. In between no token is ever refused.
func TestSigningKey_rotation(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	o.wantKids(t, "before the first token", 0)
	signer := func() string { return kidOf(o.verify(t, o.in(t, bot))) }
	old := signer()
	k, err := o.RotateSigningKey(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	o.wantKids(t, "after the rotation", 2)
	o.clock.Add(2*authority.JWKSMaxAge - time.Second)
	if signer() != old {
		t.Error("the new key signs before verifiers can know it")
	}
	last := o.in(t, bot)
	o.clock.Add(time.Second)
	if signer() != k.ID {
		t.Error("the new key does not sign when its time has come")
	}
	o.wantActive(t, "token of the old key", last, true)
	o.clock.Add(time.Hour) // the longest life of a token
	o.wantKids(t, "an hour later", 2)
	o.clock.Add(time.Minute)
	o.wantKids(t, "when no token of the old key can be in force", 1)
	if _, err := o.RotateSigningKey(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	keys, err := o.SigningKeys(t.Context())
	if err != nil || len(keys) != 2 || keys[0].ID != k.ID || !keys[0].Signing || keys[1].Signing {
		t.Errorf("SigningKeys = %+v, %v, want that the oldest is forgotten", keys, err)
	}
}

// A revoked key is withdrawn at once, with all that it signed; no key that was
// replaced before comes back.
func TestSigningKey_revoke(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	first := o.in(t, bot)
	oldest := o.kids(t)[0]
	second, err := o.RotateSigningKey(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	o.clock.Add(2*authority.JWKSMaxAge - time.Minute)
	before := o.in(t, bot)
	o.clock.Add(time.Minute)
	after := o.in(t, bot)
	o.wantActive(t, "expired", first, false)
	if err := o.RevokeSigningKey(t.Context(), admin, second.ID); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "token of the revoked key", after, false)
	o.wantActive(t, "token of the key before", before, true)
	o.wantKids(t, "after the revocation", 1)
	third := o.verify(t, o.in(t, bot)).Header["kid"]
	if third == second.ID || third == oldest {
		t.Errorf("%v signs, want a new key", third)
	}
	o.wantKids(t, "with the next key", 2)
	if err := o.RevokeSigningKey(t.Context(), admin, second.ID); err != nil {
		t.Errorf("again: %v", err)
	}
	wantKind(t, o.RevokeSigningKey(t.Context(), admin, "x"), authority.NoKey)

	// One that is revoked before its time never replaced anything.
	pending, err := o.RotateSigningKey(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.RevokeSigningKey(t.Context(), admin, pending.ID); err != nil {
		t.Fatal(err)
	}
	o.clock.Add(3 * time.Hour)
	if got := o.verify(t, o.in(t, bot)).Header["kid"]; got != third {
		t.Errorf("%v signs, want the one before, %v", got, third)
	}
}

// Of two that rotate the key at the same moment one makes it, and both get that.
func TestSigningKey_rotatedMeanwhile(t *testing.T) {
	o := newOffice(t, "")
	o.in(t, o.bot(t, authority.AgentChange{}))
	var first authority.SigningKey
	s := &meddled{Store: o.store, before: func() {
		var err error
		if first, err = o.RotateSigningKey(t.Context(), admin); err != nil {
			t.Error(err)
		}
	}}
	a, err := authority.New(authority.Config{Store: s, Now: o.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	other := (&world{Authority: a}).issuer(t, authority.IssuerConfig{})
	second, err := other.RotateSigningKey(t.Context(), admin)
	if err != nil || first.ID == "" || second.ID != first.ID {
		t.Errorf("RotateSigningKey = %s, %v; the other made %s", second.ID, err, first.ID)
	}
	o.wantKids(t, "after both", 2)
	if third, err := other.RotateSigningKey(t.Context(), admin); err != nil || third.ID == first.ID {
		t.Errorf("the next rotation = %s, %v: want another key", third.ID, err)
	}
}

// Of many processes that sign the first token at once, one makes the key.
func TestSigningKey_first(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	var done sync.WaitGroup
	for range 8 {
		s := openStore(t, o.path, o.clock)
		a, err := authority.New(authority.Config{Store: s, Now: o.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		other := &office{&world{Authority: a, store: s, clock: o.clock, path: o.path}, (&world{Authority: a}).issuer(t, authority.IssuerConfig{})}
		done.Go(func() {
			token, err := other.Login(t.Context(), bot)
			if err != nil {
				t.Error(err)
				return
			}
			o.wantActive(t, "token of another process", token, true)
		})
	}
	done.Wait()
	o.wantKids(t, "after all", 1)
}

// The seal key is not asked for before it is needed, is asked again when it
// was not there, must be that of the store, and keeps keys from sight.
func TestSealKey(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	asked, missing := 0, errors.New("no such file")
	late := &office{o.world, o.issuer(t, authority.IssuerConfig{Seal: func() (secret.SealKey, error) {
		if asked++; asked == 1 {
			return secret.SealKey{}, missing
		}
		return sealKey(t, 1), nil
	}})}
	late.wantKids(t, "before", 0)
	if _, err := late.Login(t.Context(), authority.Login{ID: bot.ID, Secret: secret.Generate()}); err == nil || asked != 0 {
		t.Errorf("the seal key was asked for by a failed login: %v", err)
	}
	if _, err := late.Login(t.Context(), bot); !errors.Is(err, missing) {
		t.Errorf("without the seal key: %v", err)
	}
	late.in(t, bot)
	late.in(t, bot)
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
	for name, seal := range map[string]secret.SealKey{"another": sealKey(t, 2), "empty": {}} {
		wrong := &office{o.world, o.issuer(t, authority.IssuerConfig{Seal: func() (secret.SealKey, error) { return seal, nil }})}
		if _, err := wrong.Login(t.Context(), bot); !errors.Is(err, authority.ErrSealKey) {
			t.Errorf("%s seal key, login: %v, want %v", name, err, authority.ErrSealKey)
		}
		if _, err := wrong.RotateSigningKey(t.Context(), admin); !errors.Is(err, authority.ErrSealKey) {
			t.Errorf("%s seal key, rotation: %v, want %v", name, err, authority.ErrSealKey)
		}
		if _, err := wrong.Inspect(t.Context(), late.in(t, bot).Value); err != nil {
			t.Errorf("%s seal key, inspection, which needs none: %v", name, err)
		}
	}
	for _, file := range []string{o.path, o.path + "-wal"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The OIDs that begin a PKCS #8 key of P-256.
		if bytes.Contains(data, []byte("\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")) {
			t.Errorf("%s holds a private key in clear", file)
		}
	}
}
