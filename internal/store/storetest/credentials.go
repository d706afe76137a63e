package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var credentialTests = map[string]func(*testing.T, opener){
	"as it was written": credentialComesBack,
	"not there, taken":  credentialErrors,
	"live and dead":     credentialsLiveAndDead,
	"kinds apart":       kindsApart,
	"gone with theirs":  credentialsRemoved,
	"uses":              credentialUses,
}

var caTests = map[string]func(*testing.T, opener){
	"keys as they were written": caKeyRecords,
	"revocations":               revocations,
}

// put adds credentials.
func put(t *testing.T, s store.Store, all ...store.Credential) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, c := range all {
			if err := tx.AddCredential(c); err != nil {
				return err
			}
		}
		return nil
	})
}

func credential(t *testing.T, s store.Store, agentID string, kind store.Kind, id string) (c store.Credential) {
	t.Helper()
	view(t, s, func(r store.Reader) (err error) {
		c, err = r.Credential(agentID, kind, id)
		return err
	})
	return c
}

func credentialComesBack(t *testing.T, open opener) {
	s, other := open(), open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	bystander := store.Credential{AgentID: id(2), Kind: store.KeyKind, ID: "k", Public: "bystander"}
	put(t, s, bystander)
	for i, want := range variants(t, func(c *store.Credential) { c.AgentID, c.Kind, c.ID = id(1), store.KeyKind, "k" }) {
		if i == 0 {
			put(t, s, want)
		} else {
			update(t, s, func(tx store.Tx) error { return tx.SetCredential(want) })
		}
		if diff := cmp.Diff(want, credential(t, other, id(1), store.KeyKind, "k")); diff != "" {
			t.Fatalf("credential %d (-want +got):\n%s", i, diff)
		}
		want.ID = fmt.Sprint(i)
		put(t, s, want)
		view(t, other, func(r store.Reader) error {
			all, err := r.Credentials([]string{id(1)}, store.KeyKind, 0, 1000)
			for _, got := range all[id(1)] {
				one, err := r.Credential(id(1), store.KeyKind, got.ID)
				if diff := cmp.Diff(one, got); diff != "" || err != nil {
					t.Errorf("Credentials and Credential differ: %v\n%s", err, diff)
				}
			}
			if len(all[id(1)]) != i+2 {
				t.Errorf("%d credentials, want %d", len(all[id(1)]), i+2)
			}
			return err
		})
	}
	if diff := cmp.Diff(bystander, credential(t, s, id(2), store.KeyKind, "k")); diff != "" {
		t.Errorf("another agent's was changed (-want +got):\n%s", diff)
	}
}

func credentialErrors(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	first := store.Credential{AgentID: id(1), Kind: store.KeyKind, ID: "k", Public: "first", Revoked: time.Unix(1, 0).UTC()}
	put(t, s, first)
	change := func(agent string, kind store.Kind, name string) store.Credential {
		return store.Credential{AgentID: agent, Kind: kind, ID: name, Public: "second"}
	}
	for name, tt := range map[string]struct {
		fn   func(store.Tx) error
		want error
	}{
		"Credential of no agent":      {func(tx store.Tx) error { _, err := tx.Credential(id(9), store.KeyKind, "k"); return err }, store.ErrNotFound},
		"Credential of another":       {func(tx store.Tx) error { _, err := tx.Credential(id(2), store.KeyKind, "k"); return err }, store.ErrNotFound},
		"Credential of another kind":  {func(tx store.Tx) error { _, err := tx.Credential(id(1), store.CertificateKind, "k"); return err }, store.ErrNotFound},
		"Credential in other case":    {func(tx store.Tx) error { _, err := tx.Credential(id(1), store.KeyKind, "K"); return err }, store.ErrNotFound},
		"AddCredential to no agent":   {func(tx store.Tx) error { return tx.AddCredential(change(id(9), store.KeyKind, "k")) }, store.ErrNotFound},
		"AddCredential, taken":        {func(tx store.Tx) error { return tx.AddCredential(change(id(1), store.KeyKind, "k")) }, store.ErrExists},
		"SetCredential, unknown":      {func(tx store.Tx) error { return tx.SetCredential(change(id(1), store.KeyKind, "x")) }, store.ErrNotFound},
		"SetCredential, another kind": {func(tx store.Tx) error { return tx.SetCredential(change(id(1), store.CertificateKind, "k")) }, store.ErrNotFound},
		"SetCredential, another":      {func(tx store.Tx) error { return tx.SetCredential(change(id(2), store.KeyKind, "k")) }, store.ErrNotFound},
	} {
		wantIs(t, name, try(t, s, tt.fn), tt.want)
	}
	if diff := cmp.Diff(first, credential(t, s, id(1), store.KeyKind, "k")); diff != "" {
		t.Errorf("it was replaced (-want +got):\n%s", diff)
	}
}

// credentialsLiveAndDead: as secrets.
func credentialsLiveAndDead(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)}, store.Agent{ID: id(3)})
	revoked := time.Unix(1, 0).UTC()
	all := []store.Credential{
		{ID: "old-live", Created: 10},
		{ID: "expired", Created: 50, Expires: 1000},
		{ID: "revoked", Created: 40, Revoked: revoked},
		{ID: "revoked-too", Created: 30, Revoked: revoked, Expires: 5000},
		{ID: "retiring", Created: 60, Expires: 1001, Retiring: true},
		{ID: "newest", Created: 70},
	}
	for i := range all {
		all[i].AgentID, all[i].Kind = id(1), store.CertificateKind
	}
	put(t, s, all...)
	put(t, s, store.Credential{AgentID: id(2), Kind: store.CertificateKind, ID: "live", Expires: 1 << 40})
	for _, tt := range []struct {
		now  int64
		dead int
		want string
	}{
		{1000, 0, "newest retiring old-live"},
		{1000, -1, "newest retiring old-live"},
		{1000, 1, "newest retiring expired old-live"},
		{1000, 9, "newest retiring expired revoked revoked-too old-live"},
		{999, 0, "newest retiring expired old-live"},
		{1001, 0, "newest old-live"},
	} {
		view(t, s, func(r store.Reader) error {
			found, err := r.Credentials([]string{id(3), id(2), id(9), id(1)}, store.CertificateKind, tt.now, tt.dead)
			var got []string
			for _, c := range found[id(1)] {
				got = append(got, c.ID)
			}
			if strings.Join(got, " ") != tt.want || len(found) != 2 || len(found[id(2)]) != 1 {
				t.Errorf("Credentials(now %d, dead %d) = %v, want %s", tt.now, tt.dead, found, tt.want)
			}
			return err
		})
	}
}

func kindsApart(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)})
	put(t, s, store.Credential{AgentID: id(1), Kind: store.KeyKind, ID: "x", Alg: "a key"},
		store.Credential{AgentID: id(1), Kind: store.CertificateKind, ID: "x", Alg: "a certificate"})
	update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(1), ID: "x"}) })
	update(t, s, func(tx store.Tx) error {
		return tx.SetCredential(store.Credential{AgentID: id(1), Kind: store.KeyKind, ID: "x", Alg: "changed"})
	})
	if key, certificate := credential(t, s, id(1), store.KeyKind, "x"), credential(t, s, id(1), store.CertificateKind, "x"); key.Alg != "changed" || certificate.Alg != "a certificate" {
		t.Errorf("the key is %q, the certificate %q", key.Alg, certificate.Alg)
	}
	for _, kind := range []store.Kind{store.KeyKind, store.CertificateKind} {
		view(t, s, func(r store.Reader) error {
			all, err := r.Credentials([]string{id(1)}, kind, 0, 9)
			if len(all[id(1)]) != 1 || all[id(1)][0].Kind != kind {
				t.Errorf("of kind %s there are %+v", kind, all)
			}
			return err
		})
	}
}

func credentialsRemoved(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	for _, agent := range []string{id(1), id(2)} {
		put(t, s, store.Credential{AgentID: agent, Kind: store.KeyKind, ID: "k"})
	}
	update(t, s, func(tx store.Tx) error { return tx.RemoveAgent(id(1)) })
	add(t, s, store.Agent{ID: id(1)})
	view(t, s, func(r store.Reader) error {
		all, err := r.Credentials([]string{id(1), id(2)}, store.KeyKind, 0, 9)
		if len(all[id(1)]) != 0 || len(all[id(2)]) != 1 {
			t.Errorf("Credentials = %v, want that of the other agent alone", all)
		}
		return err
	})
}

// credentialUses: those of the kind that was used, and no other.
func credentialUses(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)})
	put(t, s, store.Credential{AgentID: id(1), Kind: store.KeyKind, ID: "x"}, store.Credential{AgentID: id(1), Kind: store.CertificateKind, ID: "x"})
	update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(1), ID: "x"}) })
	at := func(n int) time.Time { return time.UnixMicro(1_700_000_000_000_000 + int64(n)).UTC() }
	for _, n := range []int{5, 9, 7} {
		err := s.Touch(t.Context(), []store.Use{
			{AgentID: id(1), Kind: store.KeyKind, SecretID: "x", At: at(n)}, {AgentID: id(1), Kind: store.KeyKind, SecretID: "gone", At: at(n)},
		})
		if err != nil {
			t.Errorf("Touch = %v", err)
		}
	}
	if k := credential(t, s, id(1), store.KeyKind, "x"); !k.FirstUsed.Equal(at(5)) || !k.LastUsed.Equal(at(9)) {
		t.Errorf("first used %v, last %v, want %v and %v", k.FirstUsed, k.LastUsed, at(5), at(9))
	}
	view(t, s, func(r store.Reader) error {
		secret, err := r.Secret(id(1), "x")
		if c := credential(t, s, id(1), store.CertificateKind, "x"); !c.LastUsed.IsZero() || !secret.LastUsed.IsZero() {
			t.Errorf("the certificate was used at %v, the secret at %v", c.LastUsed, secret.LastUsed)
		}
		return err
	})
}

func caKeyRecords(t *testing.T, open opener) {
	s, other := open(), open()
	at := time.UnixMicro(1_700_000_000_000_001).UTC()
	want := []store.CAKey{
		{ID: "b", Certificate: "c", Chain: "d", Sealed: []byte{0, 1, 255}, Created: at, Retired: at.Add(time.Hour)},
		{ID: "a", Sealed: []byte("s"), Created: at},
	}
	check := func(what string) {
		t.Helper()
		view(t, other, func(r store.Reader) error {
			got, err := r.CAKeys()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			return err
		})
	}
	for _, k := range want {
		update(t, s, func(tx store.Tx) error { return tx.SetCAKey(k) })
	}
	check("in the order in which they were made")
	want[0].Retired, want[0].Chain = time.Time{}, "e"
	update(t, s, func(tx store.Tx) error { return tx.SetCAKey(want[0]) })
	check("one was replaced, and keeps its place")
}

func revocations(t *testing.T, open opener) {
	s, other := open(), open()
	at := time.UnixMicro(1_700_000_000_000_001).UTC()
	all := []store.Revocation{
		{CA: "a", Serial: "02", Revoked: at, Expires: 100}, {CA: "a", Serial: "01", Revoked: at, Expires: 200}, {CA: "b", Serial: "01", Revoked: at, Expires: 300},
	}
	for _, r := range all {
		first := r
		first.Revoked, first.Expires = at.Add(time.Hour), 1000
		update(t, s, func(tx store.Tx) error { return tx.SetRevocation(first) })
	}
	for _, r := range slices.Backward(all) { // each keeps its place
		update(t, s, func(tx store.Tx) error { return tx.SetRevocation(r) })
	}
	for now, want := range map[int64][]store.Revocation{0: all, 99: all, 100: all[1:], 299: all[2:], 300: nil} {
		view(t, other, func(r store.Reader) error {
			got, err := r.Revocations(now)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("at %d (-want +got):\n%s", now, diff)
			}
			return err
		})
	}
}
