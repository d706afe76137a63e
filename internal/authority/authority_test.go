package authority_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// admin may do everything.
var admin = authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}

// clock stands still until it is told to move, and moves backwards too.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// in is the time that is d from now, as an expiresAt.
func (c *clock) in(d time.Duration) int64 { return c.Now().Add(d).Unix() }

// world is an authority over a real store, with a clock of its own.
type world struct {
	*authority.Authority
	store store.Store
	clock *clock
	path  string
}

func newWorld(t testing.TB, maxSecrets int) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agents.db")
	w := &world{clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, path: path}
	w.store = openStore(t, path, w.clock)
	a, err := authority.New(authority.Config{Store: w.store, MaxSecrets: maxSecrets, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.Authority = a
	return w
}

// agent makes an agent without a secret and returns its id.
func (w *world) agent(t *testing.T) string {
	t.Helper()
	a, _, err := w.CreateAgent(t.Context(), admin, authority.NewAgent{NoSecret: true, AgentChange: authority.AgentChange{DisplayName: new("bot")}})
	if err != nil {
		t.Fatalf("CreateAgent: %v", err)
	}
	return a.ID
}

// add makes a secret that must be allowed.
func (w *world) add(t *testing.T, n authority.NewSecret) authority.Secret {
	t.Helper()
	s, _, err := w.AddSecret(t.Context(), admin, n)
	if err != nil {
		t.Fatalf("AddSecret: %v", err)
	}
	return s
}

// refusedAdd makes a secret that must be refused.
func (w *world) refusedAdd(t *testing.T, n authority.NewSecret, want authority.Kind) {
	t.Helper()
	before := w.get(t, n.AgentID)
	s, value, err := w.AddSecret(t.Context(), admin, n)
	wantKind(t, err, want)
	if s.ID != "" || !value.IsZero() {
		t.Errorf("a refused AddSecret gave %+v", s)
	}
	if after := w.get(t, n.AgentID); len(after.Secrets) != len(before.Secrets) || after.Epoch != before.Epoch {
		t.Errorf("a refused AddSecret changed the agent from %+v to %+v", before, after)
	}
}

func (w *world) get(t *testing.T, agentID string) authority.Agent {
	t.Helper()
	a, err := w.Agent(t.Context(), agentID)
	if err != nil {
		t.Fatalf("Agent: %v", err)
	}
	return a
}

func (w *world) change(t testing.TB, agentID string, c authority.AgentChange) authority.Agent {
	t.Helper()
	a, err := w.ChangeAgent(t.Context(), admin, agentID, c)
	if err != nil {
		t.Fatalf("ChangeAgent: %v", err)
	}
	return a
}

// statuses are those of the agent's secrets, newest first.
func (w *world) statuses(t *testing.T, agentID string) string {
	t.Helper()
	var out []string
	for _, s := range w.get(t, agentID).Secrets {
		out = append(out, string(s.Status))
	}
	return strings.Join(out, " ")
}

func (w *world) wantStatuses(t *testing.T, agentID, want string) {
	t.Helper()
	if got := w.statuses(t, agentID); got != want {
		t.Errorf("the secrets are %s, want %s", got, want)
	}
}

// trail is the whole audit trail, its chain checked.
func (w *world) trail(t *testing.T) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	err := w.store.View(t.Context(), func(r store.Reader) error {
		entries, err := r.Entries(0, 1_000_000)
		out = entries
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var c audit.Chain
	for _, e := range out {
		if err := c.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantKind(t *testing.T, err error, want authority.Kind) {
	t.Helper()
	refusal, ok := errors.AsType[*authority.Error](err)
	switch {
	case !ok:
		t.Errorf("got %v, want a refusal of kind %d", err, want)
	case refusal.Kind != want:
		t.Errorf("refused with kind %d (%v), want %d", refusal.Kind, err, want)
	case refusal.Message == "" || !strings.HasSuffix(refusal.Message, "."):
		t.Errorf("the message %q is no sentence", refusal.Message)
	}
}

// chosen is a secret of a shape that is not ours.
func chosen() secret.Text { return secret.New("Correct-Horse-7-Battery") }

func TestConfig(t *testing.T) {
	w := newWorld(t, 0)
	for _, tt := range []struct {
		name string
		cfg  authority.Config
		want int // max secrets; 0: refused
	}{
		{"no store", authority.Config{}, 0},
		{"default", authority.Config{Store: w.store}, 2},
		{"one", authority.Config{Store: w.store, MaxSecrets: 1}, 1},
		{"ten", authority.Config{Store: w.store, MaxSecrets: 10}, 10},
		{"eleven", authority.Config{Store: w.store, MaxSecrets: 11}, 0},
		{"negative", authority.Config{Store: w.store, MaxSecrets: -1}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := authority.New(tt.cfg)
			if (err == nil) != (tt.want > 0) {
				t.Fatalf("New = %v", err)
			}
			if err == nil && a.MaxSecrets() != tt.want {
				t.Errorf("MaxSecrets = %d, want %d", a.MaxSecrets(), tt.want)
			}
		})
	}
	if w.StoreID() == "" || w.StoreID() != w.store.ID() {
		t.Errorf("StoreID = %q, want that of the store, %q", w.StoreID(), w.store.ID())
	}
	a, err := authority.New(authority.Config{Store: w.store})
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(a.Now()); d < 0 || d > time.Minute {
		t.Errorf("without a clock, Now is %v away", d)
	}
}

func TestPrincipalMay(t *testing.T) {
	for _, tt := range []struct {
		scopes []string
		scope  string
		want   bool
	}{
		{nil, "", true},
		{nil, "internal_agent_mgt_view", false},
		{[]string{"internal_agent_mgt_view"}, "internal_agent_mgt_view", true},
		{[]string{"internal_agent_mgt_view"}, "internal_agent_mgt_delete", false},
		{[]string{authority.AllScopes}, "internal_agent_mgt_delete", true},
	} {
		if got := (authority.Principal{Scopes: tt.scopes}).May(tt.scope); got != tt.want {
			t.Errorf("%v may %q: %v, want %v", tt.scopes, tt.scope, got, tt.want)
		}
	}
}
