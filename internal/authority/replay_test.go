package authority_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// restored is the store of the world as it is now, in another file and quarantined.
func (w *world) restored(t *testing.T) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	file, ok := w.store.(*sqlite.Store)
	if !ok {
		t.Fatal("the store has no copy")
	}
	if err := file.Copy(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if facts, err := sqlite.Examine(t.Context(), path); err != nil || facts.ID != w.store.ID() {
		t.Fatalf("Examine = %+v, %v", facts, err)
	}
	r := &world{clock: w.clock, path: path, store: openStore(t, path, w.clock)}
	r.Authority = w.signs(t, authority.CAConfig{Own: true}, r.store)
	if _, err := r.Quarantine(t.Context(), admin, audit.StoreRestore, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// accept replays in r what w did since.
func (r *world) accept(t *testing.T, w *world) []authority.Replayed {
	t.Helper()
	q, closed, err := r.Quarantined(t.Context())
	if err != nil || !closed {
		t.Fatalf("Quarantined = %v, %v", closed, err)
	}
	var trail authority.Trail
	for _, e := range w.trail(t) {
		trail.Ends = []authority.Head{{Seq: e.Seq, Hash: e.Hash, Time: e.Time}}
		if !q.Knows(e) && authority.Replays(e) {
			trail.Entries = append(trail.Entries, e)
		}
	}
	out, err := r.Accept(t.Context(), admin, trail)
	if err != nil {
		t.Fatal(err)
	}
	r.trail(t)
	return out
}

// A store that is quarantined answers nobody, and tells why.
func TestQuarantine(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	before := w.get(t, id).Epoch
	r := w.restored(t)
	for name, act := range map[string]func() error{
		"read":   func() error { _, err := r.Agent(t.Context(), id); return err },
		"list":   func() error { _, err := r.Agents(t.Context(), authority.Query{}); return err },
		"create": func() error { _, _, err := r.CreateAgent(t.Context(), admin, authority.NewAgent{}); return err },
		"delete": func() error { return r.DeleteAgent(t.Context(), admin, id, "") },
		"CRL":    func() error { _, err := r.RevocationList(t.Context(), ""); return err },
		"backup": func() error { return r.NoteBackup(t.Context(), admin, nil, "") },
		"login": func() error {
			_, err := r.issuer(t, authority.IssuerConfig{}).Login(t.Context(), authority.Login{ID: id, Method: "client_secret_basic"})
			return err
		},
		"nobody's login": func() error {
			_, err := r.issuer(t, authority.IssuerConfig{}).Login(t.Context(), authority.Login{ID: "nobody", Method: "client_secret_basic"})
			return err
		},
	} {
		if err := act(); !errors.Is(err, authority.ErrQuarantined) || !strings.Contains(err.Error(), "since 2026-03-01T12:00:00Z") {
			t.Errorf("%s: %v, want ErrQuarantined with its time", name, err)
		}
	}
	first, _, err := r.Quarantined(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Add(time.Hour)
	again, err := r.Quarantine(t.Context(), admin, audit.StoreQuarantine, nil)
	if err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("a second quarantine is %+v, %v, want the first %+v", again, err, first)
	}
	if done := r.accept(t, w); len(done) != 0 {
		t.Errorf("nothing was done after the backup, and replayed was %+v", done)
	}
	if got := r.get(t, id).Epoch; got <= before+1<<31 {
		t.Errorf("the epoch went from %d to %d: tokens of the lost store could count again", before, got)
	}
	_, err = r.Accept(t.Context(), admin, authority.Trail{})
	wantKind(t, err, authority.Invalid)
}

// lives are the credentials of an agent that count; "blocked" and "gone" are told too.
func (w *world) lives(t *testing.T, id string) (out []string) {
	t.Helper()
	a, err := w.Agent(t.Context(), id)
	if refusal, ok := errors.AsType[*authority.Error](err); ok && refusal.Kind == authority.NoAgent {
		return []string{"gone"}
	}
	if err != nil {
		t.Fatal(err)
	}
	if w.Blocked(a.Agent) {
		out = append(out, "blocked")
	}
	for _, s := range a.Secrets {
		if s.Live(w.clock.Now()) {
			out = append(out, s.ID)
		}
	}
	for _, k := range a.Keys {
		if k.Live(w.clock.Now()) {
			out = append(out, k.ID)
		}
	}
	for _, c := range a.Certificates {
		if c.Live(w.clock.Now()) {
			out = append(out, c.ID)
		}
	}
	slices.Sort(out)
	return out
}

// Whatever was taken away after the backup is taken away in the restored store,
// too, and what was given is told.
func TestAccept(t *testing.T) {
	const first, second, third = "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002", "10000000-0000-4000-8000-000000000003"
	at := func(id string) authority.Rotation { return authority.Rotation{AgentID: id} }
	for _, tt := range []struct {
		name string
		act  func(t *testing.T, w *world, id string)
		want string // what counts at last, in the restored store
		open string // what is told, in parts
	}{
		{"nothing", func(*testing.T, *world, string) {}, first + " cert key", ""},
		{"revoked", func(t *testing.T, w *world, id string) {
			must(t, w.RevokeSecret(t.Context(), admin, id, first, nil))
			must(t, w.RevokePublicKey(t.Context(), admin, id, "key", nil))
			must(t, w.RevokeCertificate(t.Context(), admin, id, "cert", nil))
		}, "", ""},
		{"rotated, the old one in its grace", func(t *testing.T, w *world, id string) {
			w.add(t, authority.NewSecret{AgentID: id, ID: second, Previous: &authority.Retire{ID: first, Expires: w.clock.in(time.Hour)}})
		}, first + " cert key", "the agent got a new secret after the backup"},
		{"rotated, the grace is over", func(t *testing.T, w *world, id string) {
			w.add(t, authority.NewSecret{AgentID: id, ID: second, Previous: &authority.Retire{ID: first, Expires: w.clock.in(time.Minute)}})
			w.clock.Add(time.Hour)
		}, "cert key", "the agent got a new secret after the backup"},
		{"rotated twice, at once", func(t *testing.T, w *world, id string) {
			w.add(t, authority.NewSecret{AgentID: id, ID: second, Revoke: []string{first}})
			w.add(t, authority.NewSecret{AgentID: id, ID: third, Revoke: []string{second}})
		}, "cert key", "the agent got a new secret after the backup"},
		{"password", func(t *testing.T, w *world, id string) {
			w.change(t, id, authority.AgentChange{Password: chosen()})
		}, "cert key", "the agent got a new secret after the backup"},
		{"expires earlier", func(t *testing.T, w *world, id string) {
			_, err := w.ExpireSecret(t.Context(), admin, id, first, w.clock.in(time.Minute))
			must(t, err)
			w.clock.Add(time.Hour)
		}, "cert key", ""},
		{"blocked", func(t *testing.T, w *world, id string) { w.change(t, id, authority.AgentChange{Active: new(false)}) },
			first + " blocked cert key", ""},
		{"locked", func(t *testing.T, w *world, id string) { w.change(t, id, authority.AgentChange{Locked: new(true)}) },
			first + " blocked cert key", ""},
		{"blocked and unblocked", func(t *testing.T, w *world, id string) {
			w.change(t, id, authority.AgentChange{Active: new(false)})
			w.change(t, id, authority.AgentChange{Active: new(true)})
		}, first + " cert key", ""},
		{"panic button", func(t *testing.T, w *world, id string) {
			_, err := w.RevokeAgent(t.Context(), admin, id)
			must(t, err)
		}, "blocked", ""},
		{"panic button, reinstated", func(t *testing.T, w *world, id string) {
			_, err := w.RevokeAgent(t.Context(), admin, id)
			must(t, err)
			w.change(t, id, authority.AgentChange{Reinstate: true})
		}, "", ""},
		{"deleted", func(t *testing.T, w *world, id string) { must(t, w.DeleteAgent(t.Context(), admin, id, "")) }, "gone", ""},
		{"rotated and deleted", func(t *testing.T, w *world, id string) {
			w.add(t, authority.NewSecret{AgentID: id, ID: second, Revoke: []string{first}})
			must(t, w.DeleteAgent(t.Context(), admin, id, ""))
		}, "gone", ""},
		{"other scopes", func(t *testing.T, w *world, id string) {
			w.change(t, id, authority.AgentChange{Scopes: &[]string{"read"}})
		},
			first + " cert key", "its Scopes changed after the backup"},
		{"another description", func(t *testing.T, w *world, id string) { w.change(t, id, authority.AgentChange{Owner: new("ann")}) },
			first + " cert key", ""},
		{"one more agent", func(t *testing.T, w *world, _ string) { w.agent(t) }, first + " cert key", "it was made after the backup and is gone"},
		{"one more, deleted", func(t *testing.T, w *world, _ string) {
			must(t, w.DeleteAgent(t.Context(), admin, w.agent(t), ""))
		}, first + " cert key", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newCA(t, authority.CAConfig{Own: true})
			id := w.agent(t)
			w.add(t, authority.NewSecret{AgentID: id, ID: first})
			_, err := w.AddPublicKey(t.Context(), admin, authority.NewPublicKey{Rotation: at(id), ID: "key", PEM: publicPEM(t, "ES256")})
			must(t, err)
			w.issue(t, authority.NewCertificate{Rotation: at(id), ID: "cert", RequestPEM: csr(t, "ES256")})
			r := w.restored(t)
			w.clock.Add(time.Second)
			tt.act(t, w, id)
			var open []string
			for _, one := range r.accept(t, w) {
				if one.Open != "" {
					open = append(open, one.Open)
				}
			}
			if got := strings.Join(r.lives(t, id), " "); got != tt.want {
				t.Errorf("in the restored store counts %q, want %q", got, tt.want)
			}
			if tt.open == "" && len(open) > 0 || tt.open != "" && (len(open) != 1 || !strings.HasPrefix(open[0], tt.open)) {
				t.Errorf("left to people is %q, want %q", open, tt.open)
			}
			for serial := range w.onList(t) { // other servers go by the list
				if _, on := r.onList(t)[serial]; !on {
					t.Errorf("the certificate %s is not on the revocation list any more", serial)
				}
			}
			versions(t, w, r, id)
		})
	}
}

// versions: a secret that is made after the restore is newer than every one that
// the lost store had made, wherever the clock stands.
func versions(t *testing.T, w, r *world, id string) {
	t.Helper()
	a, err := w.Agent(t.Context(), id)
	if err != nil || r.Blocked(r.get(t, id).Agent) {
		return
	}
	w.clock.Add(-2 * time.Hour)
	s, _, err := r.AddSecret(t.Context(), admin, authority.NewSecret{AgentID: id, Revoke: nil})
	if err != nil {
		t.Fatal(err)
	}
	if s.Created <= a.LastSecret {
		t.Errorf("after the restore a secret has the version %d, and the lost store had %d", s.Created, a.LastSecret)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Roles and management clients lose what they lost, and no more is given.
func TestAccept_rolesAndClients(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id, other := w.agent(t), w.agent(t)
	ops := w.role(t, "ops", []string{"read", "write"}, id, other)
	gone := w.role(t, "gone", []string{"all"}, id)
	var clients []authority.Client
	for _, name := range []string{"deleted", "rotated", "kept"} {
		c, _, err := w.CreateClient(t.Context(), admin, authority.NewClient{Name: name})
		must(t, err)
		clients = append(clients, c)
	}
	r := w.restored(t)
	w.changeRole(t, ops, authority.RoleChange{Scopes: &[]string{"read", "more"}, Remove: []string{other}})
	must(t, w.DeleteRole(t.Context(), admin, gone))
	must(t, w.DeleteClient(t.Context(), admin, clients[0].ID))
	_, _, err := w.RotateClient(t.Context(), admin, clients[1].ID, authority.ClientRotation{Secret: true, Grace: time.Hour})
	must(t, err)
	var open []string
	for _, one := range r.accept(t, w) {
		if one.Open != "" {
			open = append(open, string(one.Entry.Action))
		}
	}
	if got := strings.Join(open, " "); got != "role.update client.rotate" {
		t.Errorf("left to people is %s", got)
	}
	role, err := r.Role(t.Context(), ops)
	if err != nil || strings.Join(role.Scopes, " ") != "read" || strings.Join(r.membersOf(t, ops), " ") != id {
		t.Errorf("the role has %v and %v, %v", role.Scopes, r.membersOf(t, ops), err)
	}
	_, err = r.Role(t.Context(), gone)
	wantKind(t, err, authority.NoRole)
	left, err := r.Clients(t.Context())
	if err != nil || len(left) != 2 || len(left[0].Secrets) != 0 || len(left[1].Secrets) != 1 {
		t.Errorf("the clients are %+v, %v", left, err)
	}
}
