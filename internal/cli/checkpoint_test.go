package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A kill -9 can come while SQLite moves its log into the database: the first
// page says then how long the file will be, and the file is not that long yet.
// The log has it all, so the next start must go well. Found by TestKillStorm,
// in one of three runs: the look at the header refused such a file as damaged.
func TestStartAfterKillInCheckpoint(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, "agents.db")
	s := serve(t, "--database", database)
	c := s.client(t, database)
	const agents = 60 // more pages than the new file has
	for i := range agents {
		if _, err := c.CreateAgent(t.Context(), newAgent(fmt.Sprint("bot-", i))); err != nil {
			t.Fatal(err)
		}
	}
	before, log := read(t, database), read(t, database+"-wal")
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	after := read(t, database) // the log is in it
	if len(after) <= len(before) || len(log) == 0 {
		t.Fatalf("nothing was moved: %d and %d bytes, log of %d", len(before), len(after), len(log))
	}
	const page = 4096
	write(t, database, append(after[:page:page], before[page:]...))
	write(t, database+"-wal", log)

	found := 0
	for _, err := range serve(t, "--database", database).client(t, database).FindAgents(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != agents {
		t.Errorf("%d agents, want %d", found, agents)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
