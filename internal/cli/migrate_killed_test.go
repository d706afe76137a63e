//go:build unix

package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2" //nolint:depguard // what is drawn is when it dies
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// copies is how many copies are killed: AGENTCREDS_TEST_COPIES, or 20.
func copies(t *testing.T) int {
	t.Helper()
	text := os.Getenv("AGENTCREDS_TEST_COPIES")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("AGENTCREDS_TEST_COPIES=%s is not a number of copies", text)
	}
	return n
}

// The command migrate is killed at any moment, each time on its way into another
// schema, and run again: it goes on, or finds that all is there, and prints what one
// that nobody disturbed prints. Nothing is there twice, the entry of it in the audit
// included.
func TestMigrate_killed(t *testing.T) {
	draw := rand.New(rand.NewPCG(seed(t), 0)) //nolint:gosec // nothing secret
	database, db := filepath.Join(t.TempDir(), "agents.db"), pgtest.Start(t)
	s := serve(t, "--database", database)
	c := s.client(t, database)
	for n := range 50 {
		if _, err := c.CreateAgent(t.Context(), newAgent(fmt.Sprint("bot-", n))); err != nil {
			t.Fatal(err)
		}
	}
	s.stop(t)
	type table struct {
		Table, Hash  string
		Rows         int64
		CopiedBefore int64
	}
	migrate := func(schema string, life time.Duration) (tables []table, killed bool) {
		t.Helper()
		cmd := program(t, "migrate", "--from", database, "--to", db.URL(schema), "--json")
		var out, words strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &words
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		death := time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
		defer death.Stop()
		err := cmd.Wait()
		if e, is := errors.AsType[*exec.ExitError](err); is && e.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL { //nolint:forcetypeassert // it is one
			return nil, true
		}
		var did struct{ Tables []table }
		if err == nil {
			err = json.Unmarshal([]byte(out.String()), &did)
		}
		if err != nil {
			t.Fatalf("migrate: %v\n%s", err, &words)
		}
		return did.Tables, false
	}
	began := time.Now()
	want, _ := migrate("undisturbed", time.Hour)
	takes := time.Since(began)
	died, went := 0, map[string]int{}
	for n := range copies(t) {
		schema := fmt.Sprint("copy", n)
		for range 3 { // one that died may die again
			if _, killed := migrate(schema, between(draw, takes+takes/4)); killed {
				died++
			}
		}
		got, _ := migrate(schema, time.Hour)
		last := ""
		for i := range got {
			if got[i].CopiedBefore > 0 {
				last = got[i].Table
			}
			got[i].CopiedBefore = 0
		}
		went[last]++
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("schema %s (-undisturbed +killed):\n%s", schema, diff)
		}
		out := output(t, "audit", "tail", "--database", db.URL(schema), "-n", "1000")
		if n := strings.Count(out, "store.migrate"); n != 1 {
			t.Errorf("schema %s has %d entries of migrate in its audit:\n%s", schema, n, out)
		}
		output(t, "audit", "verify", "--database", db.URL(schema))
	}
	if died == 0 {
		t.Error("none was killed")
	}
	t.Logf("%d were killed; one takes %v; they went on after %v", died, takes, went)
}
