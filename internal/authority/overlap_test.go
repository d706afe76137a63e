package authority_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// previous retires that secret alone, and never later than its own expiry.
func TestRetire(t *testing.T) {
	for _, tt := range []struct {
		name          string
		own, previous time.Duration // expiry of the old one; 0: never
		want          time.Duration // when it ends
	}{
		{"never, so at the asked time", 0, time.Hour, time.Hour},
		{"later than asked", 2 * time.Hour, time.Hour, time.Hour},
		{"sooner than asked", time.Hour, 2 * time.Hour, time.Hour},
		{"the same", time.Hour, time.Hour, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 3)
			id := w.agent(t)
			bystander := w.add(t, authority.NewSecret{AgentID: id})
			n := authority.NewSecret{AgentID: id}
			if tt.own != 0 {
				n.Expires = w.clock.in(tt.own)
			}
			old := w.add(t, n)
			w.add(t, authority.NewSecret{AgentID: id, Previous: &authority.Retire{ID: old.ID, Expires: w.clock.in(tt.previous)}})
			w.wantStatuses(t, id, "ACTIVE RETIRING ACTIVE")
			secrets := w.get(t, id).Secrets
			if got := secrets[1].Expires; got != w.clock.in(tt.want) {
				t.Errorf("the old secret ends at %d, want %d", got, w.clock.in(tt.want))
			}
			if secrets[2].ID != bystander.ID || secrets[2].Expires != 0 {
				t.Errorf("the rotation touched %+v", secrets[2])
			}
			if got := w.get(t, id).Epoch; got != 0 {
				t.Errorf("a rotation raised the epoch to %d", got)
			}
			w.clock.Add(tt.want - time.Second)
			w.wantStatuses(t, id, "ACTIVE RETIRING ACTIVE")
			w.clock.Add(time.Second)
			w.wantStatuses(t, id, "ACTIVE EXPIRED ACTIVE")
		})
	}
}

// A new secret alone leaves the old one as it is.
func TestAddSecret_leavesTheOthers(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	old := w.add(t, authority.NewSecret{AgentID: id})
	s := w.add(t, authority.NewSecret{AgentID: id})
	w.wantStatuses(t, id, "ACTIVE ACTIVE")
	got := w.get(t, id).Secrets
	if !got[0].Latest || got[0].ID != s.ID || got[1].Latest || got[1].ID != old.ID {
		t.Errorf("the newest is %+v", got[0])
	}
	if !s.Latest || s.Status != authority.StatusActive || s.Creator != admin.Name {
		t.Errorf("the answer is %+v", s)
	}
}

// Nothing revives what is expired or revoked.
func TestNothingRevives(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	expired := w.add(t, authority.NewSecret{AgentID: id, Expires: w.clock.in(time.Hour)})
	revoked := w.add(t, authority.NewSecret{AgentID: id, Value: chosen()})
	if err := w.RevokeSecret(t.Context(), admin, id, revoked.ID, nil); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(time.Hour)
	w.wantStatuses(t, id, "REVOKED EXPIRED")

	for name, dead := range map[string]string{"expired": expired.ID, "revoked": revoked.ID} {
		for _, expires := range []int64{0, w.clock.in(time.Hour), w.clock.in(-time.Hour)} {
			_, err := w.ExpireSecret(t.Context(), admin, id, dead, expires)
			if wantKind(t, err, authority.Dead); t.Failed() {
				t.Fatalf("%s, to %d", name, expires)
			}
		}
	}
	w.refusedAdd(t, authority.NewSecret{AgentID: id, ID: revoked.ID, Value: chosen()}, authority.UsedID)

	// Retiring and revoking again what is dead is no error: it is what the
	// caller wants. What is revoked stays as it was; what has expired is
	// revoked, since tokens that were made with it may be in force.
	before := w.get(t, id).Secrets
	w.add(t, authority.NewSecret{
		AgentID:  id,
		Previous: &authority.Retire{ID: expired.ID, Expires: w.clock.in(time.Hour)},
		Revoke:   []string{revoked.ID, expired.ID},
	})
	w.wantStatuses(t, id, "ACTIVE REVOKED REVOKED")
	after := w.get(t, id).Secrets[1:]
	for i := range after {
		if (after[i].ID == revoked.ID && after[i].Revoked != before[i].Revoked) || after[i].Expires != before[i].Expires || after[i].Retiring {
			t.Errorf("the dead secret %+v became %+v", before[i], after[i])
		}
	}
}

func TestExpireSecret(t *testing.T) {
	const hour = time.Hour
	for _, tt := range []struct {
		name       string
		own, grace time.Duration // own expiry, 0 never; when not 0, it retires with this grace
		to         time.Duration // from now; never when 0
		want       time.Duration
		status     authority.Status
		kind       authority.Kind
	}{
		{name: "later", own: hour, to: 2 * hour, want: 2 * hour, status: authority.StatusActive},
		{name: "sooner", own: hour, to: time.Minute, want: time.Minute, status: authority.StatusActive},
		{name: "the same", own: hour, to: hour, want: hour, status: authority.StatusActive},
		{name: "never", own: hour, status: authority.StatusActive},
		{name: "not never any more", to: hour, want: hour, status: authority.StatusActive},
		{name: "at once", own: hour, to: -time.Second, want: -time.Second, status: authority.StatusExpired},
		{name: "retiring, later", grace: hour, to: 2 * hour, want: 2 * hour, status: authority.StatusRetiring},
		{name: "retiring, sooner", grace: hour, to: time.Minute, want: time.Minute, status: authority.StatusRetiring},
		{name: "retiring, at once", grace: hour, to: -1, want: -1, status: authority.StatusExpired},
		{name: "retiring, never", grace: hour, kind: authority.Invalid},
		{name: "retiring, up to its own expiry", own: 3 * hour, grace: hour, to: 2 * hour, want: 2 * hour, status: authority.StatusRetiring},
		{name: "retiring, beyond its own expiry", own: 3 * hour, grace: hour, to: 4 * hour, want: 3 * hour, status: authority.StatusRetiring},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 2)
			id := w.agent(t)
			at := func(d time.Duration) int64 {
				if d == 0 {
					return 0
				}
				return w.clock.in(d)
			}
			s := w.add(t, authority.NewSecret{AgentID: id, Expires: at(tt.own)})
			if tt.grace != 0 {
				w.add(t, authority.NewSecret{AgentID: id, Previous: &authority.Retire{ID: s.ID, Expires: at(tt.grace)}})
			}
			got, err := w.ExpireSecret(t.Context(), admin, id, s.ID, at(tt.to))
			if tt.kind != 0 {
				wantKind(t, err, tt.kind)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Expires != at(tt.want) || got.Status != tt.status || got.Latest == (tt.grace != 0) {
				t.Errorf("the secret became %+v, want expiry %d, status %s", got, at(tt.want), tt.status)
			}
			if now := w.get(t, id).Secrets; now[len(now)-1] != got {
				t.Errorf("the secret is %+v, the answer was %+v", now[len(now)-1], got)
			}
		})
	}
}

// A second rotation inside the grace may end it sooner, never later.
func TestRetire_again(t *testing.T) {
	w := newWorld(t, 3)
	id := w.agent(t)
	old := w.add(t, authority.NewSecret{AgentID: id})
	w.add(t, authority.NewSecret{AgentID: id, Previous: &authority.Retire{ID: old.ID, Expires: w.clock.in(time.Hour)}})
	w.add(t, authority.NewSecret{AgentID: id, Previous: &authority.Retire{ID: old.ID, Expires: w.clock.in(2 * time.Hour)}})
	if got := w.get(t, id).Secrets[2]; got.Expires != w.clock.in(time.Hour) || got.Ends != 0 {
		t.Errorf("the old secret is %+v", got)
	}
}

func TestExpireSecret_unknown(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	_, err := w.ExpireSecret(t.Context(), admin, id, "00000000-0000-4000-8000-000000000000", 0)
	wantKind(t, err, authority.NoSecret)
	_, err = w.ExpireSecret(t.Context(), admin, "00000000-0000-4000-8000-000000000000", id, 0)
	wantKind(t, err, authority.NoAgent)
	_, err = w.Secret(t.Context(), id, "00000000-0000-4000-8000-000000000000")
	wantKind(t, err, authority.NoSecret)
	_, err = w.Secret(t.Context(), "00000000-0000-4000-8000-000000000000", id)
	wantKind(t, err, authority.NoAgent)
	_, err = w.Secrets(t.Context(), "00000000-0000-4000-8000-000000000000")
	wantKind(t, err, authority.NoAgent)
}

// createdAt only grows, whatever the clock does, revoked secrets included.
func TestCreatedGrows(t *testing.T) {
	w := newWorld(t, 10)
	id := w.agent(t)
	var last int64
	for i, move := range []time.Duration{0, 0, -time.Hour, -time.Hour, time.Millisecond, 3 * time.Hour, 0, -24 * time.Hour} {
		w.clock.Add(move)
		s := w.add(t, authority.NewSecret{AgentID: id})
		if s.Created <= last {
			t.Fatalf("secret %d was created at %d, the one before at %d", i, s.Created, last)
		}
		if want := w.clock.Now().UnixMilli(); s.Created < want {
			t.Errorf("secret %d was created at %d, before its time %d", i, s.Created, want)
		}
		if !s.Latest {
			t.Errorf("secret %d is not the newest", i)
		}
		last = s.Created
		if err := w.RevokeSecret(t.Context(), admin, id, s.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	a := w.change(t, id, authority.AgentChange{Password: chosen()})
	if a.Secrets[0].Created <= last || a.LastSecret != a.Secrets[0].Created {
		t.Errorf("a password was created at %d, the secret before at %d", a.Secrets[0].Created, last)
	}
}

// However often an agent rotates, the list stays short; each dead secret can
// still be asked for by its id.
func TestSecrets_bounded(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	first := w.add(t, authority.NewSecret{AgentID: id})
	last := first
	for range 15 {
		last = w.add(t, authority.NewSecret{AgentID: id, Revoke: []string{last.ID}})
	}
	secrets, err := w.Secrets(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(secrets) != 11 || secrets[0].ID != last.ID || secrets[0].Status != authority.StatusActive {
		t.Errorf("%d secrets are listed, the first is %+v", len(secrets), secrets[0])
	}
	if s, err := w.Secret(t.Context(), id, first.ID); err != nil || s.Status != authority.StatusRevoked || s.Latest {
		t.Errorf("the first secret is %+v, %v", s, err)
	}
}
