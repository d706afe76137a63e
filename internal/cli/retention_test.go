package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// agedStore makes a database with that many entries of 100 days ago.
func agedStore(t *testing.T, entries int) string {
	t.Helper()
	database := filepath.Join(t.TempDir(), "agents.db")
	then := time.Now().Add(-100 * 24 * time.Hour)
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: database, Create: true, Now: func() time.Time { return then }})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return make([]audit.Event, entries-1), nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return database
}

// says waits until the log of a server has the message.
func (s *serving) says(t *testing.T, message string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(s.text()) {
			if strings.Contains(line, `"msg":"`+message+`"`) {
				return line
			}
		}
	}
	t.Fatalf("the server does not say %q:\n%s", message, s.text())
	return ""
}

// The server cuts what is older than it keeps, in the order of the chain, while
// it is verified; what is younger stays.
func TestRetention(t *testing.T) {
	database := agedStore(t, 2500)
	s := serve(t, "--database", database, "--audit-retention", "2160h")
	for range 5 { // while it is cut, or after
		if out, err := program(t, "audit", "verify", "--database", database).CombinedOutput(); err != nil {
			t.Errorf("verify: %v\n%s", err, out)
		}
	}
	if line := s.says(t, "the audit was cut"); !strings.Contains(line, `"removed":2500,"first":2501`) {
		t.Error(line)
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	out, err := program(t, "audit", "tail", "--database", database).Output()
	if err != nil {
		t.Fatal(err)
	}
	records := regexp.MustCompile(`done  audit\.prune  actor=serve  before=`).FindAll(out, -1)
	if len(records) != 3 || !strings.Contains(string(out), "admin.create") || strings.Contains(string(out), "store.create") {
		t.Errorf("left is\n%s", out)
	}
}

// What the audit log does not have yet is not cut, however old it is, and what
// it has is.
func TestRetentionWaitsForTheLog(t *testing.T) {
	database := agedStore(t, 1200)
	log := filepath.Join(t.TempDir(), "audit.ndjson")
	if err := os.Mkdir(log, 0o700); err != nil { // which cannot be written
		t.Fatal(err)
	}
	args := []string{"--database", database, "--audit-retention", "2160h", "--audit-log", log}
	s := serve(t, args...)
	if line := s.says(t, "old entries of the audit stay"); !strings.Contains(line, "the entries after 0 stay") {
		t.Error(line)
	}
	s.says(t, "the audit log is behind")
	s.kill()
	if out, err := program(t, "audit", "verify", "--database", database).Output(); err != nil || strings.Contains(string(out), "cut") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	s = serve(t, "--database", database, "--audit-log", log)
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s = serve(t, args...)
	s.says(t, "the audit was cut")
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, args := range [][]string{{"--database", database}, {"--file", log}} {
		if out, err := program(t, append([]string{"audit", "verify"}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("verify %s: %v\n%s", args, err, out)
		}
	}
}
