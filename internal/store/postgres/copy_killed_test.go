//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// mortal is a store whose reader is killed, as by kill -9, when it has taken so many
// steps: a table that it begins to read, a row here and there, the look at the end.
type mortal struct {
	store.Source
	left *int
}

func (m mortal) step() {
	if *m.left--; *m.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (m mortal) View(ctx context.Context, fn func(store.Reader) error) error {
	m.step()
	return m.Source.View(ctx, fn)
}

func (m mortal) Dump(ctx context.Context, fn func(func(store.Table, int64, func([]any) error) error) error) error {
	return m.Source.Dump(ctx, func(rows func(store.Table, int64, func([]any) error) error) error {
		return fn(func(t store.Table, skip int64, each func([]any) error) error {
			m.step()
			n := 0
			return rows(t, skip, func(row []any) error {
				if n++; n%1025 == 0 { // as a chunk is 2000, one dies with some in hand, and one behind a chunk
					m.step()
				}
				return each(row)
			})
		})
	})
}

// Variables that tell a process of its own what to copy, and when to die.
const (
	copyFrom  = "POSTGRES_TEST_COPY_FROM"
	copyTo    = "POSTGRES_TEST_COPY_TO"
	copySteps = "POSTGRES_TEST_COPY_STEPS"
)

// TestCopy_killed: a copy is killed at every table, between the chunks of the large
// ones, before its end and behind it, and goes on in between. Until it has ended
// nobody can open what there is; in the end all is there once, and the audit says so
// once.
func TestCopy_killed(t *testing.T) {
	if file := os.Getenv(copyFrom); file != "" {
		copyAndDie(t, file)
		return
	}
	file := filepath.Join(t.TempDir(), "agents.db")
	url, from := pgtest.Start(t).URL(""), filledAt(t, file, 2100)
	attempt := func(steps int) (killed bool) {
		t.Helper()
		c := exec.Command(os.Args[0], "-test.run=^TestCopy_killed$", "-test.count=1") //nolint:gosec // this program
		c.Env = append(os.Environ(), copyFrom+"="+file, copyTo+"="+url, fmt.Sprint(copySteps, "=", steps))
		out, err := c.CombinedOutput()
		if e, is := errors.AsType[*exec.ExitError](err); is && e.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL { //nolint:forcetypeassert // it is one
			return true
		}
		if err != nil {
			t.Fatalf("after %d steps: %v\n%s", steps, err, out)
		}
		return false
	}
	opens := func() error {
		s, err := postgres.Open(t.Context(), postgres.Config{URL: url})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	kills := 0
	for steps := 2; attempt(steps); steps++ { // the first look is before there is anything
		kills++
		if err := opens(); err != nil && !strings.Contains(err.Error(), "run migrate again") {
			t.Fatalf("Open after %d steps = %v", steps, err)
		} else if err == nil {
			t.Fatalf("after %d steps it can be opened", steps)
		}
	}
	if kills < 2*len(store.Tables) {
		t.Errorf("it was killed %d times", kills)
	}
	t.Logf("killed %d times", kills)
	for range 2 { // who never heard the answer asks again
		done, err := postgres.Copy(t.Context(), postgres.Config{URL: url, Creator: "test"}, from)
		if err != nil || len(done) != len(store.Tables) || done[1].Rows != 2100 || done[1].Before != 2100 {
			t.Fatalf("Copy of what was copied = %+v, %v", done, err)
		}
	}
	s := open(t, postgres.Config{URL: url})
	if diff := cmp.Diff(everything(t, from), everything(t, s)); diff != "" {
		t.Errorf("the copy differs (-from +to):\n%s", diff)
	}
	if _, all := trail(t, s); len(all) != 3 || all[2].Action != "store.migrate" || !strings.HasPrefix(all[2].Detail["agents"], "2100 ") {
		t.Errorf("its audit is %+v", all)
	}
	run(t, url, "UPDATE agentcreds.agents SET owner = 'eve' WHERE id = 'agent-7'")
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, from); err == nil || !strings.Contains(err.Error(), "table agents: the store is damaged") {
		t.Errorf("Copy of a copy that was altered = %v", err)
	}
	addAgent(t, s, "new")
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, from); !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), "was written since") {
		t.Errorf("Copy into one that goes on = %v", err)
	}
}

func copyAndDie(t *testing.T, file string) {
	from, err := sqlite.Open(t.Context(), sqlite.Config{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	left, err := strconv.Atoi(os.Getenv(copySteps))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: os.Getenv(copyTo), Creator: "test"}, mortal{from, &left}); err != nil {
		t.Fatal(err)
	}
}
