//go:build unix

package journey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
)

// disasterConfig is agents with a secret each: those that are rotated by var.turn,
// and those that are not.
const disasterConfig = header + `
variable "turn" { default = "1" }
variable "more" { default = 0 }

resource "agentcreds_agent" "turned" {
  count        = 2
  display_name = "Turned ${count.index}"
}
resource "agentcreds_agent_secret" "turned" {
  count            = 2
  agent_id         = agentcreds_agent.turned[count.index].id
  grace_period     = "0s"
  rotation_trigger = { turn = var.turn }
}

resource "agentcreds_agent" "kept" {
  count        = 2
  display_name = "Kept ${count.index}"
}
resource "agentcreds_agent_secret" "kept" {
  count    = 2
  agent_id = agentcreds_agent.kept[count.index].id
}

resource "agentcreds_agent" "more" {
  count        = var.more
  display_name = "More ${count.index}"
}
`

// disaster is a server that is lost, and what its operator has.
type disaster struct {
	t        *testing.T
	w        *workspace
	s        *server
	database string
	log      string // the audit log
}

// guest is an agent and the secret that it logs in with.
type guest struct{ id, secret string }

// tool runs a command of the program, which must end well.
func (d *disaster) tool(args ...string) string {
	d.t.Helper()
	cmd := exec.Command(tools(d.t).provider, args...) //nolint:gosec // the program that was just built
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		d.t.Fatalf("%v: %v\n%s%s", args, err, out.String(), words.String())
	}
	return out.String()
}

func (d *disaster) serve() {
	d.t.Helper()
	d.s = serve(d.t, d.database, "--audit-log", d.log)
	d.w.env = d.s.env(d.s.url)
}

// born makes an agent by hand.
func (d *disaster) born(name string) *guest {
	d.t.Helper()
	var a struct{ ID, Password string }
	if _, err := d.s.call(http.MethodPost, "/scim2/Agents", map[string]any{
		"schemas": []string{agentSchema}, agentSchema: map[string]any{"DisplayName": name},
	}, &a); err != nil {
		d.t.Fatal(err)
	}
	return &guest{id: a.ID, secret: a.Password}
}

// did sends a request that must go well.
func (d *disaster) did(method, path string, body any) {
	d.t.Helper()
	if _, err := d.s.call(method, path, body, nil); err != nil {
		d.t.Fatal(err)
	}
}

// wants checks who can log in.
func (d *disaster) wants(when string, status int, all ...*guest) {
	d.t.Helper()
	for _, l := range all {
		if got := d.s.tokenStatus(l.id, l.secret); got != status {
			d.t.Errorf("%s: agent %s gets %d, want %d", when, l.id, got, status)
		}
	}
}

// shipped waits until the audit log has what was done last.
func (d *disaster) shipped(action, agentID string) {
	d.t.Helper()
	for range 200 {
		log, _ := os.ReadFile(d.log)
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, `"action":"`+action+`"`) && strings.Contains(line, agentID) {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatalf("the audit log does not get %s of %s", action, agentID)
}

// load lets agents log in all the time, until the function that it returns is
// called, which tells how often it went well.
func (d *disaster) load(all ...*guest) (stop func() int64) {
	var wg sync.WaitGroup
	var good atomic.Int64
	done, s := make(chan struct{}), d.s
	for _, l := range all {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				switch got := s.tokenStatus(l.id, l.secret); got {
				case http.StatusOK:
					good.Add(1)
				case 0: // it was killed
				default:
					d.t.Errorf("under load: agent %s gets %d", l.id, got)
					return
				}
			}
		})
	}
	return func() int64 { close(done); wg.Wait(); return good.Load() }
}

// TestJourney_disaster: a server is backed up while agents log in. It goes on: secrets
// are rotated and revoked, agents are blocked, deleted and made. Then its disk is
// lost. The restored server lets nobody in, and Terraform hears why; accepted with
// the audit log, it refuses what was revoked after the backup, everybody else goes
// on with the secret that he has, and Terraform mends exactly what is lost.
func TestJourney_disaster(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, disasterConfig)
	d := &disaster{t: t, w: w, database: w.path("server.db"), log: w.path("audit.ndjson")}
	d.serve()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity, backup := w.path("key.txt"), w.path("backup.age")
	if err := os.WriteFile(identity, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	w.must("apply")
	kept := d.holders("kept")
	same, revoked, blocked, panicked, deleted := d.born("same"), d.born("revoked"), d.born("blocked"), d.born("panicked"), d.born("deleted")
	stop := d.load(append(kept, same)...)
	d.wants("before the backup", http.StatusOK, revoked, blocked, panicked, deleted)
	d.tool("backup", "--database", d.database, "--recipient", key.Recipient().String(), "--out", backup)
	before := d.versions()

	w.must("apply", "-var", "turn=2", "-var", "more=1")
	turned := d.holders("turned")
	d.did(http.MethodDelete, secretsPath(revoked.id)+"/"+d.s.secrets(revoked.id)[0].SecretID, nil)
	d.did(http.MethodPatch, "/scim2/Agents/"+blocked.id, map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": "replace", "path": "active", "value": false}}})
	d.did(http.MethodPost, "/api/server/v1/agents/"+panicked.id+"/revoke", nil)
	d.did(http.MethodDelete, "/scim2/Agents/"+deleted.id, nil)
	d.wants("after it", http.StatusUnauthorized, revoked, blocked, panicked, deleted)
	d.wants("after it", http.StatusOK, turned...)
	lost := d.versions()
	d.shipped("agent.delete", deleted.id)

	// The disk is lost, under load.
	d.s.p.signal(syscall.SIGKILL)
	<-d.s.p.ended
	if n := stop(); n == 0 {
		t.Error("nobody logged in while the backup was made")
	}
	w.remove("server.db")
	w.remove("server.db-*")
	log := w.path("lost.ndjson") // that of the restored server is another
	if err := os.Rename(d.log, log); err != nil {
		t.Fatal(err)
	}

	d.tool("restore", backup, "--identity", identity, "--database", d.database)
	d.serve()
	d.wants("in quarantine", http.StatusServiceUnavailable, append(append(kept, turned...), same, revoked, blocked, panicked, deleted)...)
	if r := w.run("plan", "-var", "turn=2", "-var", "more=1"); r.code == 0 || !strings.Contains(flat(r.stderr), "is quarantined") {
		t.Errorf("Terraform is not told of the quarantine: %s", r)
	}
	if left := w.state().agentIDs(); len(left) != 5 {
		t.Errorf("the state has %d agents after a plan in quarantine, want 5", len(left))
	}

	var did struct {
		Done []struct{ Action, AgentID string }
		Open []struct{ Action, AgentID, Open string }
	}
	if err := json.Unmarshal([]byte(d.tool("restore", "--accept", "--audit-log", log, "--database", d.database, "--json")), &did); err != nil {
		t.Fatal(err)
	}
	told := fmt.Sprint(did)
	for _, l := range []*guest{revoked, blocked, panicked, deleted} {
		if !strings.Contains(told, l.id) {
			t.Errorf("restore --accept says nothing of agent %s: %s", l.id, told)
		}
	}
	d.wants("accepted", http.StatusOK, append(kept, same)...)
	d.wants("accepted", http.StatusUnauthorized, append(turned, revoked, blocked, panicked, deleted)...)

	// Terraform sees what is gone: two secrets, which it rotates, and one agent.
	plan := w.must("plan", "-var", "turn=2", "-var", "more=1")
	if !strings.Contains(plan.stdout, "Plan: 1 to add, 2 to change, 0 to destroy.") {
		t.Errorf("after the restore: %s", plan)
	}
	w.must("apply", "-var", "turn=2", "-var", "more=1")
	w.settled("-var", "turn=2", "-var", "more=1")
	d.wants("applied", http.StatusOK, append(d.holders("turned"), d.holders("kept")...)...)
	for id, version := range d.versions() {
		if version < lost[id] || version < before[id] {
			t.Errorf("the version of the secret of agent %s went back from %v to %v", id, lost[id], version)
		}
	}
	d.tool("audit", "verify", "--database", d.database)
	d.s.stop()
}

// holders are the agents of a resource with the secrets that the state has.
func (d *disaster) holders(name string) (all []*guest) {
	d.t.Helper()
	for _, r := range d.w.state().Resources {
		if r.Type == "agentcreds_agent_secret" && r.Name == name {
			for _, i := range r.Instances {
				all = append(all, &guest{id: text(i.Attributes["agent_id"]), secret: text(i.Attributes["secret"])})
			}
		}
	}
	return all
}

// versions are those of the secrets in the state.
func (d *disaster) versions() map[string]float64 {
	d.t.Helper()
	out := map[string]float64{}
	for _, a := range d.w.state().attributes("agentcreds_agent_secret") {
		out[text(a["agent_id"])], _ = a["version"].(float64)
	}
	return out
}

// flat is a text without the lines that Terraform breaks it into.
func flat(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(text)), " ")
}
