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
	t         *testing.T
	w         *workspace
	s         *server
	database  string
	tokenFile string
	args      []string // of serve
	log       string   // the audit log

	kept, turned                              []*guest
	same, revoked, blocked, panicked, deleted *guest
	stop                                      func() int64 // ends the load
	before, lost                              map[string]float64
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
	d.s = serveWith(d.t, d.tokenFile, append([]string{"--database", d.database}, d.args...)...)
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

// begin lets Terraform make agents, and makes some by hand. Some of them log in all
// the time from now on.
func (d *disaster) begin() {
	d.t.Helper()
	d.w.must("apply")
	d.kept = d.holders("kept")
	d.same, d.revoked, d.blocked, d.panicked, d.deleted = d.born("same"), d.born("revoked"), d.born("blocked"), d.born("panicked"), d.born("deleted")
	d.stop = d.load(append(d.kept, d.same)...)
	d.wants("before the backup", http.StatusOK, d.gone()...)
	d.before = d.versions()
}

// gone are those who must not come back.
func (d *disaster) gone() []*guest { return []*guest{d.revoked, d.blocked, d.panicked, d.deleted} }

// goOn is what the backup does not know: secrets are rotated and revoked, agents are
// blocked, deleted and made.
func (d *disaster) goOn() {
	d.t.Helper()
	d.w.must("apply", afterwards...)
	d.turned = d.holders("turned")
	d.did(http.MethodDelete, secretsPath(d.revoked.id)+"/"+d.s.secrets(d.revoked.id)[0].SecretID, nil)
	d.did(http.MethodPatch, "/scim2/Agents/"+d.blocked.id, map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": "replace", "path": "active", "value": false}}})
	d.did(http.MethodPost, "/api/server/v1/agents/"+d.panicked.id+"/revoke", nil)
	d.did(http.MethodDelete, "/scim2/Agents/"+d.deleted.id, nil)
	d.wants("after it", http.StatusUnauthorized, d.gone()...)
	d.wants("after it", http.StatusOK, d.turned...)
	d.lost = d.versions()
	d.shipped("agent.delete", d.deleted.id)
}

// afterwards is what the configuration says then.
var afterwards = []string{"-var", "turn=2", "-var", "more=1"}

// die ends the server under load.
func (d *disaster) die() {
	d.t.Helper()
	d.s.p.signal(syscall.SIGKILL)
	<-d.s.p.ended
	if n := d.stop(); n == 0 {
		d.t.Error("nobody logged in while the backup was made")
	}
}

// closed checks that the restored server lets nobody in, and that Terraform hears
// why.
func (d *disaster) closed() {
	d.t.Helper()
	d.wants("in quarantine", http.StatusServiceUnavailable, append(append(append(d.gone(), d.kept...), d.turned...), d.same)...)
	if r := d.w.run("plan", afterwards...); r.code == 0 || !strings.Contains(flat(r.stderr), "is quarantined") {
		d.t.Errorf("Terraform is not told of the quarantine: %s", r)
	}
	if left := d.w.state().agentIDs(); len(left) != 5 {
		d.t.Errorf("the state has %d agents after a plan in quarantine, want 5", len(left))
	}
}

// accept ends the quarantine with the audit of the lost server.
func (d *disaster) accept(log string) {
	d.t.Helper()
	var did struct {
		Done []struct{ Action, AgentID string }
		Open []struct{ Action, AgentID, Open string }
	}
	if err := json.Unmarshal([]byte(d.tool("restore", "--accept", "--audit-log", log, "--database", d.database, "--json")), &did); err != nil {
		d.t.Fatal(err)
	}
	told := fmt.Sprint(did.Done)
	for _, l := range d.gone() {
		if !strings.Contains(told, l.id) {
			d.t.Errorf("restore --accept does nothing to agent %s: %v", l.id, did)
		}
	}
	d.wants("accepted", http.StatusOK, append(d.kept, d.same)...)
	d.wants("accepted", http.StatusUnauthorized, append(d.gone(), d.turned...)...)
}

// mend lets Terraform see what is gone: two secrets, which it rotates, and one agent.
func (d *disaster) mend() {
	d.t.Helper()
	plan := d.w.must("plan", afterwards...)
	if !strings.Contains(plan.stdout, "Plan: 1 to add, 2 to change, 0 to destroy.") {
		d.t.Errorf("after the restore: %s", plan)
	}
	d.w.must("apply", afterwards...)
	d.w.settled(afterwards...)
	d.wants("applied", http.StatusOK, append(d.holders("turned"), d.holders("kept")...)...)
	for id, version := range d.versions() {
		if version < d.lost[id] || version < d.before[id] {
			d.t.Errorf("the version of the secret of agent %s went back from %v to %v", id, d.lost[id], version)
		}
	}
	d.tool("audit", "verify", "--database", d.database)
	d.s.stop()
}

// TestJourney_disaster: a server is backed up while agents log in. It goes on: secrets
// are rotated and revoked, agents are blocked, deleted and made. Then its disk is
// lost. The restored server lets nobody in, and Terraform hears why; accepted with
// the audit log, it refuses what was revoked after the backup, everybody else goes
// on with the secret that he has, and Terraform mends exactly what is lost.
func TestJourney_disaster(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, disasterConfig)
	d := &disaster{t: t, w: w, database: w.path("server.db"), tokenFile: w.path("server.db.token"), log: w.path("audit.ndjson")}
	d.args = []string{"--audit-log", d.log}
	d.serve()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity, backup := w.path("key.txt"), w.path("backup.age")
	if err := os.WriteFile(identity, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	d.begin()
	d.tool("backup", "--database", d.database, "--recipient", key.Recipient().String(), "--out", backup)
	d.goOn()

	// The disk is lost, under load.
	d.die()
	w.remove("server.db")
	w.remove("server.db-*")
	log := w.path("lost.ndjson") // that of the restored server is another
	if err := os.Rename(d.log, log); err != nil {
		t.Fatal(err)
	}

	d.tool("restore", backup, "--identity", identity, "--database", d.database)
	d.serve()
	d.closed()
	d.accept(log)
	d.mend()
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
