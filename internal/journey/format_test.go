//go:build unix

package journey_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// oldStore makes a database of a dump that was written down once, and tells how
// many agents are in it.
func oldStore(t *testing.T, w *workspace, dump string) int {
	t.Helper()
	text, err := os.ReadFile(dump) //nolint:gosec // of the repository
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+w.path(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(string(text)); err != nil {
		t.Fatal(err)
	}
	var agents int
	if err := db.QueryRow("SELECT count(*) FROM agents").Scan(&agents); err != nil {
		t.Fatal(err)
	}
	return agents
}

// TestJourney_oldStores: whoever has a store of any format that was released
// goes on with it: its agents are found, imported, rotated, and new ones made.
func TestJourney_oldStores(t *testing.T) {
	dumps, err := filepath.Glob(filepath.Join("..", "store", "sqlite", "testdata", "format*.sql"))
	if err != nil || len(dumps) == 0 {
		t.Fatalf("there is no store of a released format: %v", err)
	}
	for _, dump := range dumps {
		t.Run(strings.TrimSuffix(filepath.Base(dump), ".sql"), func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, header+embedded+`
data "agentcreds_agents" "all" {}

resource "agentcreds_agent" "new" {
  display_name = "New"
}

resource "agentcreds_agent_secret" "new" {
  agent_id = agentcreds_agent.new.id
}

output "agents" {
  value = length(data.agentcreds_agents.all.agents)
}
`)
			want := oldStore(t, w, dump)
			w.must("apply")
			if got := strings.TrimSpace(w.must("output", "-raw", "agents").stdout); want == 0 || got != fmt.Sprint(want) {
				t.Errorf("it has %s agents, want %d", got, want)
			}
			w.must("apply", "-replace=agentcreds_agent_secret.new")
			s := serve(t, w.path(database))
			if got := len(s.agents()); got != want+1 {
				t.Errorf("serve finds %d agents, want %d", got, want+1)
			}
			for _, h := range w.state().secrets() {
				if !s.knows(h) {
					t.Errorf("the secret %s is not the one of the state", h.id)
				}
			}
			s.stop()
		})
	}
}

// TestJourney_newerStore: serve refuses a store of a newer program, as the
// provider does, and leaves it alone.
func TestJourney_newerStore(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, config(embedded))
	w.must("apply")
	b := &wreck{T: t, w: w}
	b.sql("PRAGMA user_version = 99", "PRAGMA wal_checkpoint(TRUNCATE)")
	before := w.read(database)
	cmd := exec.Command(tools(t).provider, "serve", "--listen", "127.0.0.1:0", "--database", w.path(database)) //nolint:gosec // just built
	r := begin(t, cmd).wait()
	for _, words := range []string{w.path(database), "format 99", "upgrade"} {
		if !strings.Contains(r.stderr, words) || r.code != 1 {
			t.Errorf("want exit 1 and %q: %s", words, r)
		}
	}
	if string(w.read(database)) != string(before) {
		t.Error("the store was changed")
	}
}

// TestJourney_private: whatever the umask, nobody else may read the database,
// what belongs to it, and the token file.
func TestJourney_private(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, config("\nprovider \"agentcreds\" {\n  embedded_path = \"deep/er/agentcreds.db\"\n}\n"))
	w.must("apply") // as everybody does
	w.remove("deep")
	w.remove("terraform.tfstate*")
	w.umask = "0"
	w.must("apply")
	cmd := exec.Command("sh", "-c", `umask 0; exec "$0" serve --listen 127.0.0.1:0 --database deep/er/agentcreds.db`, tools(t).provider) //nolint:gosec // just built
	cmd.Dir = w.dir
	p := begin(t, cmd)
	for listening(p.stdout.String()+p.stderr.String()) == "" && !p.over() {
		continue
	}
	files := 0
	err := filepath.WalkDir(w.path("deep"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			t.Errorf("%s is %v", path, perm)
		}
		files++
		return nil
	})
	if err != nil || files < 4 { // two directories, the database, the token
		t.Errorf("%d files: %v", files, err)
	}
}

// TestJourney_sameBuild: two builds of one source are the same program.
func TestJourney_sameBuild(t *testing.T) {
	sums := map[[sha256.Size]byte]bool{}
	for _, name := range []string{"one", "two"} {
		out := filepath.Join(t.TempDir(), name, "provider")
		if err := build(out); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		sums[sha256.Sum256(data)] = true
	}
	if len(sums) != 1 {
		t.Error("two builds differ")
	}
}
