//go:build unix

package journey_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// ship lets `audit tail --follow` copy the audit of a database to a file elsewhere,
// until the test ends.
func (d *disaster) ship() {
	d.t.Helper()
	to, err := os.Create(d.log)
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(tools(d.t).provider, "audit", "tail", "--follow", "--json", "-n", "1000000", "--database", d.database) //nolint:gosec // the program that was just built
	cmd.Stdout = to
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = to.Close()
	})
}

// token is a token of an agent.
func (d *disaster) token(g *guest) string {
	d.t.Helper()
	var got struct {
		Token string `json:"access_token"`
	}
	d.form("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, &got, func(r *http.Request) { r.SetBasicAuth(g.id, g.secret) })
	return got.Token
}

// active asks, as a management client, whether a token is good.
func (d *disaster) active(c *guest, token string) bool {
	d.t.Helper()
	var got struct{ Active bool }
	d.form("/oauth2/introspect", url.Values{"token": {token}}, &got, func(r *http.Request) { r.SetBasicAuth(c.id, c.secret) })
	return got.Active
}

func (d *disaster) form(path string, form url.Values, out any, sign func(*http.Request)) {
	d.t.Helper()
	req, err := http.NewRequest(http.MethodPost, d.s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sign(req)
	resp, err := caller.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil || resp.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
}

// TestJourney_disasterPostgres: a PostgreSQL database with a base backup and an
// archive of its log is lost under two replicas, and brought back to a moment before
// secrets were revoked, agents blocked, deleted and made: the recipe of the guide.
// Quarantined before anybody can reach it, it lets nobody in; accepted with the audit
// that was shipped, it refuses all that was revoked after that moment, and the tokens
// from before; what was made after the base backup and before the moment is there.
func TestJourney_disasterPostgres(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	db.Archive(t)
	w := newWorkspace(t, disasterConfig)
	seal := w.path("seal.key")
	if err := os.WriteFile(seal, []byte(strings.Repeat("k", 42)+"8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &disaster{t: t, w: w, database: db.URL(""), tokenFile: w.path("admin.token"), log: w.path("audit.ndjson")}
	d.args = []string{"--seal-key", "file:" + seal, "--issuer", "http://127.0.0.1:9"}
	d.serve()
	other := d.s
	d.serve() // a second replica, which has a chain of its own
	if name := db.Query(t, "SELECT count(DISTINCT application_name) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND mode = 'ShareLock' AND application_name LIKE 'agentcreds serve %'"); name != "2" {
		t.Errorf("%s servers hold a lease on the format, want 2", name)
	}
	d.ship()

	db.BaseBackup(t)
	d.begin()
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(d.tool("client", "create", "--name", "ops", "--scope-set", "admin", "--json", "--database", d.database)), &made); err != nil {
		t.Fatal(err)
	}
	client, token := &guest{made.ID, made.Secret}, d.token(d.same)
	if !d.active(client, token) {
		t.Fatal("a token is none")
	}
	moment := db.Query(t, "SELECT clock_timestamp()")
	d.goOn()

	// The database is lost, under load, and its replicas with it.
	d.die()
	other.p.signal(syscall.SIGKILL)
	<-other.p.ended
	db.Lose(t)

	db.RecoverTo(t, moment)
	if n := db.Query(t, "SELECT count(*) FROM agentcreds.agents"); n != "9" {
		t.Errorf("%s agents are there at the moment, want 9", n)
	}
	if out := d.tool("restore", "--quarantine", "--database", db.SocketURL()); !strings.Contains(out, "go on with restore --accept") {
		t.Errorf("restore --quarantine prints %s", out)
	}
	db.Open(t)
	d.serve()
	d.closed()
	d.accept(d.log)
	if d.active(client, token) {
		t.Error("a token from before is good again")
	}
	d.mend()
}
