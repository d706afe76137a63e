package authority_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// onList are the certificates on the revocation list, with when they ended.
func (w *world) onList(t testing.TB) map[string]time.Time {
	t.Helper()
	der, err := w.RevocationList(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]time.Time{}
	for _, e := range l.RevokedCertificateEntries {
		on[fmt.Sprintf("%x", e.SerialNumber)] = e.RevocationTime
	}
	return on
}

// A certificate that was signed here and whose grace is over counts on other
// servers until its own end: it is on the revocation list from then on, also when
// it is ended again, or its agent goes.
func TestCertificate_endedByGrace(t *testing.T) {
	for name, again := range map[string]func(w *world, id string) error{
		"nobody":           func(*world, string) error { return nil },
		"the panic button": func(w *world, id string) error { _, err := w.RevokeAgent(t.Context(), admin, id); return err },
		"its agent":        func(w *world, id string) error { return w.DeleteAgent(t.Context(), admin, id, "") },
		"its name":         func(w *world, id string) error { return w.RevokeCertificate(t.Context(), admin, id, "old", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newCA(t, authority.CAConfig{Own: true})
			id := w.agent(t)
			at := authority.Rotation{AgentID: id}
			old := w.issue(t, authority.NewCertificate{Rotation: at, ID: "old", RequestPEM: csr(t, "ES256"), Life: 48 * time.Hour})
			end := w.clock.in(time.Minute)
			at.Previous = &authority.Retire{ID: "old", Expires: end}
			next := w.issue(t, authority.NewCertificate{Rotation: at, ID: "next", RequestPEM: csr(t, "ES256"), Life: time.Hour})
			if on := w.onList(t); len(on) != 0 {
				t.Errorf("in its grace, on the list are %v", on)
			}
			w.clock.Add(2 * time.Hour)
			if err := again(w, id); err != nil {
				t.Fatal(err)
			}
			on := w.onList(t)
			if on[old.Serial].Unix() != end {
				t.Errorf("it ended at %v on the list, want %v", on[old.Serial], time.Unix(end, 0).UTC())
			}
			if _, bad := on[next.Serial]; bad {
				t.Error("one that ended by itself is on the list")
			}
			w.clock.Add(46*time.Hour + authority.CRLLife)
			if on := w.onList(t); len(on) != 0 {
				t.Errorf("after its own end, on the list are %v", on)
			}
		})
	}
}

// An expiry that is earlier than the certificate's own counts too, wherever it
// comes from, and is taken back with it.
func TestCertificate_endedByExpiry(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	at := authority.Rotation{AgentID: id}
	moved := w.issue(t, authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES256")})
	expire := func(to int64) {
		t.Helper()
		if _, err := w.ExpireCertificate(t.Context(), admin, id, moved.ID, to); err != nil {
			t.Fatal(err)
		}
	}
	expire(w.clock.in(time.Minute))
	expire(0)
	at.Expires = w.clock.in(time.Hour)
	born := w.issue(t, authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES384")})
	w.clock.Add(2 * time.Hour)
	if on := w.onList(t); len(on) != 1 || on[born.Serial].Unix() != at.Expires {
		t.Errorf("on the list are %v, want %s that ended at %d", on, born.Serial, at.Expires)
	}
	expire(1) // at once, and not before it was made
	if on := w.onList(t); len(on) != 2 || on[moved.Serial].Unix() != moved.NotBefore {
		t.Errorf("on the list are %v, want %s that ended at %d", on, moved.Serial, moved.NotBefore)
	}
}

// watched counts how often all revocations are read.
type watched struct {
	store.Store
	reads int
}

type watchedReader struct {
	store.Reader
	reads *int
}

func (w *watched) View(ctx context.Context, fn func(store.Reader) error) error {
	return w.Store.View(ctx, func(r store.Reader) error { return fn(watchedReader{r, &w.reads}) })
}

func (w watchedReader) Revocations(now int64) ([]store.Revocation, error) {
	*w.reads++
	return w.Reader.Revocations(now)
}

// Anybody may ask for the list: what is on it is read when something has changed,
// at this server or at another, or when a grace is over, and else not.
func TestCertificate_listIsReadOnce(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	at := authority.Rotation{AgentID: id}
	one := w.issue(t, authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES256")})
	seen := &watched{Store: w.store}
	w.Authority = w.signs(t, authority.CAConfig{}, seen)
	other := w.signs(t, authority.CAConfig{}, openStore(t, w.path, w.clock))
	want := func(what string, reads bool, on ...string) {
		t.Helper()
		before := seen.reads
		got := slices.Sorted(maps.Keys(w.onList(t)))
		if slices.Sort(on); !slices.Equal(got, on) || (seen.reads > before) != reads {
			t.Errorf("%s: on the list are %v, want %v; it was read: %v", what, got, on, seen.reads > before)
		}
	}
	want("at first", true)
	want("again", false)
	w.agent(t)
	want("after something else", false)
	two := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id, Previous: &authority.Retire{ID: one.ID, Expires: w.clock.in(time.Minute)}}, RequestPEM: csr(t, "ES384")})
	want("with a grace", true)
	want("with a grace, again", false)
	w.clock.Add(time.Minute)
	want("after the grace", true, one.Serial)
	want("after the grace, again", false, one.Serial)
	if err := other.RevokeCertificate(t.Context(), admin, id, two.ID, nil); err != nil {
		t.Fatal(err)
	}
	want("after another server", true, one.Serial, two.Serial)
	want("after another server, again", false, one.Serial, two.Serial)
}

// A CA whose own certificate was renewed is the same CA to others: its list has
// what it signed before, too, and that of another CA has it not.
func TestCertificate_listOfRenewedCA(t *testing.T) {
	w := newCA(t, authority.CAConfig{})
	top := newRoot(t, w.clock.Now(), "root")
	given := func(name, pair string) {
		t.Helper()
		chain := top.sign(t, x509.Certificate{
			Subject: pkix.Name{CommonName: name}, NotAfter: w.clock.Now().Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}, pair)
		if _, err := w.ImportCA(t.Context(), admin, chain+certificateText(top.cert), pairs()[pair]); err != nil {
			t.Fatal(err)
		}
	}
	given("ours", "other")
	id := w.agent(t)
	old := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES256")})
	if err := w.RevokeCertificate(t.Context(), admin, id, old.ID, nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, pair string
		on         bool
	}{{"ours", "other", true}, {"ours", "ES384", false}, {"another", "other", false}} {
		given(tt.name, tt.pair)
		if _, on := w.onList(t)[old.Serial]; on != tt.on {
			t.Errorf("given as %q with the key %s, it is on the list: %v", tt.name, tt.pair, on)
		}
	}
}

// Servers over one store give no two lists the same number, and none that lacks
// what is on one with a smaller.
func TestCertificate_listsOfServers(t *testing.T) {
	const servers, rounds = 3, 8
	w := newCA(t, authority.CAConfig{Own: true})
	var mu sync.Mutex
	on := map[int64]int{} // by number, how many are on the list
	var all sync.WaitGroup
	for range servers {
		a := w.signs(t, authority.CAConfig{Own: true}, openStore(t, w.path, w.clock))
		id, request := w.agent(t), csr(t, "ES256")
		all.Go(func() {
			for n := range rounds {
				c, err := a.AddCertificate(t.Context(), admin, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: request})
				if err == nil {
					err = a.RevokeCertificate(t.Context(), admin, id, c.ID, nil)
				}
				der, err2 := a.RevocationList(t.Context(), "")
				if err = errors.Join(err, err2); err != nil {
					t.Errorf("round %d: %v", n, err)
					return
				}
				l, err := x509.ParseRevocationList(der)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if _, twice := on[l.Number.Int64()]; twice {
					t.Errorf("two lists have the number %v", l.Number)
				}
				on[l.Number.Int64()] = len(l.RevokedCertificateEntries)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	last := 0
	for _, number := range slices.Sorted(maps.Keys(on)) {
		if on[number] < last {
			t.Errorf("on list %d are %d, and %d on one before it", number, on[number], last)
		}
		last = on[number]
	}
}
