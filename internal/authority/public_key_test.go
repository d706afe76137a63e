package authority_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// ofKey asks for a key of a pair.
func ofKey(t testing.TB, agentID, kid, pair string) authority.NewPublicKey {
	t.Helper()
	return authority.NewPublicKey{Rotation: authority.Rotation{AgentID: agentID}, ID: kid, PEM: publicPEM(t, pair)}
}

// keyStatuses are those of an agent's keys, newest first.
func (w *world) keyStatuses(t testing.TB, agentID string) string {
	t.Helper()
	all, err := w.PublicKeys(t.Context(), agentID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, k := range all {
		if k.Latest != (i == 0) {
			t.Errorf("key %d of %d: latest = %v", i, len(all), k.Latest)
		}
		out = append(out, k.ID+" "+string(k.Status))
	}
	return strings.Join(out, ", ")
}

// Keys rotate as secrets do, and neither counts for the other.
func TestPublicKey_rotation(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	w.add(t, authority.NewSecret{AgentID: id})
	w.add(t, authority.NewSecret{AgentID: id})
	first := w.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id, Latest: new("")}, ID: "a"}, "ES256")
	if first.Status != authority.StatusActive || !first.Latest || first.Creator != "admin" || first.Alg != "ES256" || !json.Valid([]byte(first.Public)) {
		t.Errorf("the key is %+v", first)
	}
	rotate := func(kid, pair string, adjust func(*authority.NewPublicKey)) error {
		t.Helper()
		n := ofKey(t, id, kid, pair)
		adjust(&n)
		_, err := w.AddPublicKey(t.Context(), admin, n)
		return err
	}
	wantKind(t, rotate("b", "ES384", func(n *authority.NewPublicKey) { n.Latest = new("") }), authority.Stale)
	wantKind(t, rotate("b", "ES384", func(n *authority.NewPublicKey) { n.Previous = &authority.Retire{ID: "x", Expires: 1} }), authority.NoPublicKey)
	wantKind(t, rotate("b", "ES384", func(n *authority.NewPublicKey) { n.Expires = w.clock.in(-time.Second) }), authority.Invalid)
	if err := rotate("b", "ES384", func(n *authority.NewPublicKey) {
		n.Latest, n.Previous = new("a"), &authority.Retire{ID: "a", Expires: w.clock.in(time.Hour)}
	}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, rotate("c", "ES512", func(*authority.NewPublicKey) {}), authority.Limit)
	if got := w.keyStatuses(t, id); got != "b ACTIVE, a RETIRING" {
		t.Errorf("after a rotation: %s", got)
	}
	if err := rotate("c", "ES512", func(n *authority.NewPublicKey) { n.Revoke = []string{"a"} }); err != nil {
		t.Fatal(err)
	}
	if got := w.keyStatuses(t, id); got != "c ACTIVE, b ACTIVE, a REVOKED" {
		t.Errorf("after the next: %s", got)
	}
	if _, err := w.ExpirePublicKey(t.Context(), admin, id, "a", w.clock.in(time.Hour)); true {
		wantKind(t, err, authority.Dead)
	}
	if k, err := w.ExpirePublicKey(t.Context(), admin, id, "b", w.clock.in(time.Hour)); err != nil || k.Expires != w.clock.in(time.Hour) {
		t.Errorf("ExpirePublicKey = %+v, %v", k, err)
	}
	w.clock.Add(time.Hour)
	wantKind(t, w.RevokePublicKey(t.Context(), admin, id, "b", new("b")), authority.Stale)
	wantKind(t, w.RevokePublicKey(t.Context(), admin, id, "x", nil), authority.NoPublicKey)
	for range 2 {
		if err := w.RevokePublicKey(t.Context(), admin, id, "c", new("c")); err != nil {
			t.Error(err)
		}
	}
	if got := w.keyStatuses(t, id); got != "c REVOKED, b EXPIRED, a REVOKED" {
		t.Errorf("at the end: %s", got)
	}
	if live := w.get(t, id).Secrets; len(live) != 2 || live[0].Status != authority.StatusActive {
		t.Errorf("the secrets are %+v", live)
	}
	var done []string
	for _, e := range w.trail(t) {
		if strings.HasPrefix(string(e.Action), "public_key.") {
			done = append(done, fmt.Sprint(e.Action, " ", e.Target, " ", e.Outcome))
		}
	}
	want := []string{
		"create a done", "create b refused", "create b refused", "create b refused", "create b done", "create c refused", "create c done",
		"expire a refused", "expire b done", "revoke b refused", "revoke x refused", "revoke c done",
	}
	if got := strings.Join(done, "\n"); got != "public_key."+strings.Join(want, "\npublic_key.") {
		t.Errorf("the audit has\n%s", got)
	}
}

// The same again changes nothing; nothing is used twice.
func TestPublicKey_again(t *testing.T) {
	w := newWorld(t, 3)
	id, other := w.agent(t), w.agent(t)
	n := ofKey(t, id, "a", "ES256")
	n.Latest = new("")
	first, err := w.AddPublicKey(t.Context(), admin, n)
	if err != nil || first.Again {
		t.Fatalf("AddPublicKey = %+v, %v", first, err)
	}
	before := len(w.trail(t))
	again, err := w.AddPublicKey(t.Context(), admin, n)
	if err != nil || !again.Again || again.Created != first.Created || len(w.trail(t)) != before {
		t.Errorf("the same again = %+v, %v", again, err)
	}
	for name, tt := range map[string]authority.NewPublicKey{
		"another key under the kid":       ofKey(t, id, "a", "ES384"),
		"the key under another kid":       ofKey(t, id, "b", "ES256"),
		"the key without a kid":           ofKey(t, id, "", "ES256"),
		"another algorithm under the kid": {Rotation: authority.Rotation{AgentID: id}, ID: "r", PEM: publicPEM(t, "RSA"), Alg: "PS512"},
	} {
		if name == "another algorithm under the kid" {
			w.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id}, ID: "r", Alg: "PS256"}, "RSA")
		}
		_, err := w.AddPublicKey(t.Context(), admin, tt)
		wantKind(t, err, authority.UsedID)
	}
	if err := w.RevokePublicKey(t.Context(), admin, id, "a", nil); err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"a", "z"} {
		_, err := w.AddPublicKey(t.Context(), admin, ofKey(t, id, kid, "ES256"))
		wantKind(t, err, authority.UsedID)
	}
	w.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: other}, ID: "a"}, "ES256")
}

// Of many that rotate from the same picture one wins.
func TestPublicKey_oneWins(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	w.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id}, ID: "a"}, "ES256")
	all := []string{"ES384", "ES512", "EdDSA", "RSA", "other"}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, pair := range all {
		n := ofKey(t, id, "", pair)
		n.Latest = new("a")
		wg.Go(func() { _, errs[i] = w.AddPublicKey(t.Context(), admin, n) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantKind(t, err, authority.Stale)
	}
	if won != 1 {
		t.Errorf("%d won, want one", won)
	}
}

// What is no key of an agent is refused by name, and entered as refused.
func TestPublicKey_refused(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	at := authority.Rotation{AgentID: id}
	jwk := w.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: w.agent(t)}}, "ES256").Public
	for name, tt := range map[string]struct {
		n    authority.NewPublicKey
		kind authority.Kind
		says string
	}{
		"nothing":           {authority.NewPublicKey{Rotation: at}, authority.Invalid, "exactly one"},
		"two forms":         {authority.NewPublicKey{Rotation: at, PEM: "x", Source: "https://a.example"}, authority.Invalid, "exactly one"},
		"no PEM":            {authority.NewPublicKey{Rotation: at, PEM: "x"}, authority.Weak, "not PEM"},
		"a private JWK":     {authority.NewPublicKey{Rotation: at, JWK: []byte(strings.TrimSuffix(jwk, "}") + `,"d":"AA"}`)}, authority.Weak, "private key"},
		"a symmetric JWK":   {authority.NewPublicKey{Rotation: at, JWK: []byte(`{"kty":"oct","k":"AA"}`)}, authority.Weak, "symmetric"},
		"algorithm":         {authority.NewPublicKey{Rotation: at, JWK: []byte(jwk), Alg: "RS256"}, authority.Invalid, "does not go with"},
		"two algorithms":    {authority.NewPublicKey{Rotation: at, JWK: []byte(strings.TrimSuffix(jwk, "}") + `,"alg":"ES256"}`), Alg: "PS256"}, authority.Invalid, "is for ES256"},
		"kid":               {authority.NewPublicKey{Rotation: at, JWK: []byte(jwk), ID: "../x"}, authority.Invalid, "kid"},
		"kid in the JWK":    {authority.NewPublicKey{Rotation: at, JWK: []byte(strings.TrimSuffix(jwk, "}") + `,"kid":"a b"}`)}, authority.Invalid, "kid"},
		"jwks_uri, plain":   {authority.NewPublicKey{Rotation: at, Source: "http://a.example/jwks"}, authority.Invalid, "https"},
		"jwks_uri, user":    {authority.NewPublicKey{Rotation: at, Source: "https://u:p@a.example/jwks"}, authority.Invalid, "https"},
		"jwks_uri with alg": {authority.NewPublicKey{Rotation: at, Source: "https://a.example/jwks", Alg: "ES256"}, authority.Invalid, "alg"},
		"unknown agent":     {authority.NewPublicKey{Rotation: authority.Rotation{AgentID: idOne}, JWK: []byte(jwk)}, authority.NoAgent, idOne},
	} {
		before := len(w.trail(t))
		_, err := w.AddPublicKey(t.Context(), admin, tt.n)
		wantKind(t, err, tt.kind)
		if err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
		if e := w.trail(t)[before:]; len(e) != 1 || e[0].Outcome != audit.Refused || e[0].Action != audit.PublicKeyCreate {
			t.Errorf("%s left %+v", name, e)
		}
	}
	if got := w.keyStatuses(t, id); got != "" {
		t.Errorf("the agent has %s", got)
	}
	if _, err := w.RevokeAgent(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	_, err := w.AddPublicKey(t.Context(), admin, authority.NewPublicKey{Rotation: at, JWK: []byte(jwk)})
	wantKind(t, err, authority.Blocked)
	_, err = w.PublicKeys(t.Context(), idOne)
	wantKind(t, err, authority.NoAgent)
}
