//go:build unix

package journey_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	sharers  = 3
	perAlias = 4
	ofOthers = 40 // agents that others make through serve meanwhile
)

// sharedConfig has two provider configurations over one database; each makes
// agents with secrets.
func sharedConfig(run int, db string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nvariable \"trigger\" {\n  type    = string\n  default = \"1\"\n}\n", header)
	fmt.Fprintf(&b, "\nprovider \"agentcreds\" {\n  embedded_path = %[1]q\n}\n\nprovider \"agentcreds\" {\n  alias         = \"second\"\n  embedded_path = %[1]q\n}\n", db)
	for name, provider := range map[string]string{"first": "agentcreds", "second": "agentcreds.second"} {
		fmt.Fprintf(&b, `
resource "agentcreds_agent" %[1]q {
  provider     = %[2]s
  count        = %[3]d
  display_name = "Bot of run %[4]d"
  external_id  = "run-%[4]d/%[1]s-${count.index}"
  description  = "trigger ${var.trigger}"
}

resource "agentcreds_agent_secret" %[1]q {
  provider         = %[2]s
  count            = %[3]d
  agent_id         = agentcreds_agent.%[1]s[count.index].id
  rotation_trigger = { by = var.trigger }
}
`, name, provider, perAlias, run)
	}
	return b.String()
}

// TestJourney_shared: three Terraform runs with two aliases each, and a server,
// work on one database at once. Nothing is lost and nobody hears of a lock.
func TestJourney_shared(t *testing.T) {
	home := newWorkspace(t, "")
	db := home.path(database)
	s := serve(t, db)
	defer s.stop()

	var runs []*workspace
	for i := range sharers {
		runs = append(runs, newWorkspace(t, sharedConfig(i, db)))
	}
	all := func(verb string, args ...string) {
		t.Helper()
		var wg sync.WaitGroup
		results := make([]result, len(runs))
		for i, w := range runs {
			wg.Go(func() { results[i] = w.run(verb, args...) })
		}
		wg.Wait()
		for _, r := range results {
			if said := strings.ToLower(r.stdout + r.stderr); r.code != 0 || strings.Contains(said, "locked") || strings.Contains(said, "busy") {
				t.Fatalf("a run beside others: %s", r)
			}
		}
	}

	others := newOthers(s)
	all("apply")
	others.note(t)
	all("apply", "-var", "trigger=2")
	others.wait(t)
	s.complete(t, runs)
	all("plan", "-detailed-exitcode", "-var", "trigger=2")
	all("destroy", "-var", "trigger=2")
	if left := s.agents(); len(left) != ofOthers {
		t.Errorf("%d agents are left, want the %d that others made", len(left), ofOthers)
	}
}

// complete checks that every agent is there with what both sides wrote to it,
// and with the secret that its state has.
func (s *server) complete(t *testing.T, runs []*workspace) {
	t.Helper()
	byID := map[string]agent{}
	for _, a := range s.agents() {
		byID[a.ID] = a
	}
	if want := ofOthers + sharers*2*perAlias; len(byID) != want {
		t.Errorf("%d agents, want %d", len(byID), want)
	}
	for i, w := range runs {
		ids, secrets := w.state().agentIDs(), w.state().secrets()
		if len(ids) != 2*perAlias || len(secrets) != 2*perAlias {
			t.Errorf("run %d has %d agents and %d secrets, want %d", i, len(ids), len(secrets), 2*perAlias)
		}
		for _, id := range ids {
			a := byID[id]
			if a.Profile["Description"] != "trigger 2" || a.Profile["note"] != "by another" {
				t.Errorf("agent %s of run %d lost an update: %v", id, i, a.Profile)
			}
			list := s.secrets(id)
			if newest := slices.IndexFunc(list, func(i secretInfo) bool { return i.Status == "ACTIVE" }); newest != 0 ||
				list[0].SecretID != secrets[id].id || !s.knows(secrets[id]) {
				t.Errorf("agent %s of run %d: the state has %s, the server %+v", id, i, secrets[id].id, list)
			}
		}
	}
}

// others are users of the server, who write all the time.
type others struct {
	s    *server
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func newOthers(s *server) *others {
	o := &others{s: s}
	o.do(ofOthers, func(i int) error {
		_, err := s.call(http.MethodPost, "/scim2/Agents", map[string]any{
			"externalId": fmt.Sprintf("other/%d", i), agentSchema: map[string]string{"DisplayName": "Another's"},
		}, nil)
		return err
	})
	return o
}

// note lets them write to the agents of the runs, while those rotate.
func (o *others) note(t *testing.T) {
	t.Helper()
	o.wait(t)
	agents := slices.DeleteFunc(o.s.agents(), func(a agent) bool { return strings.HasPrefix(a.ExternalID, "other/") })
	o.do(len(agents), func(i int) error {
		_, err := o.s.call(http.MethodPatch, "/scim2/Agents/"+agents[i].ID, map[string]any{
			"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
			"Operations": []any{map[string]any{"op": "replace", "path": agentSchema + ":note", "value": "by another"}},
		}, nil)
		return err
	})
}

// do spreads n acts over a while.
func (o *others) do(n int, act func(i int) error) {
	o.wg.Go(func() {
		for i := range n {
			if err := act(i); err != nil {
				o.mu.Lock()
				o.errs = append(o.errs, err)
				o.mu.Unlock()
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

func (o *others) wait(t *testing.T) {
	t.Helper()
	o.wg.Wait()
	for _, err := range o.errs {
		t.Errorf("another's write: %v", err)
	}
}

// TestJourney_lockedServer: a server whose database is locked says so, and the
// provider waits with it: no user hears of what passes.
func TestJourney_lockedServer(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, config(remote))
	s := serve(t, w.path(database))
	w.env = s.env(s.url)
	w.must("apply")
	b := &wreck{T: t, w: w}
	lock(b)
	w.write("main.tf", config(remote, `rotation_trigger = { by = "me" }`))
	p := w.begin("apply")
	time.Sleep(12 * time.Second)
	if p.over() {
		t.Errorf("it did not wait: %s", p.wait())
	}
	unlock(b)
	if r := p.wait(); r.code != 0 || r.took > time.Minute {
		t.Errorf("the apply failed, or took too long: %s", r)
	}
	w.settled()
	s.stop()
}
