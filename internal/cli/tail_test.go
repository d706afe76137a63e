package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// following is audit tail --follow in a process of its own.
func following(t *testing.T, env []string, args ...string) (*exec.Cmd, *bufio.Scanner, *strings.Builder) {
	t.Helper()
	cmd := program(t, append([]string{"audit", "tail", "--follow"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out), &words
}

// Who follows sees each entry once and in order, however many come at once,
// from a database and from a server, and ends it without an error.
func TestFollow(t *testing.T) {
	database := agedStore(t, 3)
	server := serve(t, "--database", database)
	env := []string{"AGENTCREDS_ACCESS_TOKEN=" + strings.TrimSpace(string(read(t, database+".admin-token")))}
	for name, from := range map[string][]string{"database": {"--database", database}, "endpoint": {"--endpoint", server.url}} {
		t.Run(name, func(t *testing.T) {
			s, err := sqlite.Open(t.Context(), sqlite.Config{Path: database})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			all := append(slices.Clone(from), "--json", "-n", "100000") // whenever each of them begins
			chosen, lines, words := following(t, env, append(all, "--actor", "ann", "--action", "agent", "--outcome", "refused", "--agent", name)...)
			whole, seen, _ := following(t, env, all...)
			const bursts, each = 6, 300
			go func() {
				for range bursts {
					events := make([]audit.Event, 0, 2*each)
					for range each {
						events = append(events, audit.Event{Actor: "ann", Action: audit.AgentUpdate, AgentID: name, Outcome: audit.Refused},
							audit.Event{Actor: "bob", Action: audit.AgentUpdate, AgentID: name, Outcome: audit.Refused})
					}
					if err := s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return events, nil }); err != nil {
						t.Error(err)
					}
				}
			}()
			next := func(lines *bufio.Scanner) (e struct {
				Seq   int64
				Actor string
			}) {
				if !lines.Scan() {
					t.Fatalf("it ended: %v %s", lines.Err(), words)
				}
				if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
					t.Fatal(err)
				}
				return e
			}
			var last int64
			for range bursts * each {
				e := next(lines)
				if e.Actor != "ann" || e.Seq <= last {
					t.Fatalf("entry %d of %s follows entry %d", e.Seq, e.Actor, last)
				}
				last = e.Seq
			}
			for seq := int64(1); seq <= last+1; seq++ { // the last one is bob's
				if e := next(seen); e.Seq != seq {
					t.Fatalf("entry %d is shown where entry %d should be", e.Seq, seq)
				}
			}
			for _, p := range []*exec.Cmd{chosen, whole} {
				if err := p.Process.Signal(syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			}
			for lines.Scan() {
				t.Errorf("more: %s", lines.Text())
			}
			for seen.Scan() {
				if !strings.Contains(seen.Text(), "key.create") { // for the checkpoint that tail asks for
					t.Errorf("more: %s", seen.Text())
				}
			}
			if err := chosen.Wait(); err != nil || words.Len() > 0 {
				t.Errorf("it ends with %v: %s", err, words)
			}
			if err := whole.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whoever interrupts it while it still begins gets no error either.
func TestFollowInterruptedEarly(t *testing.T) {
	database := agedStore(t, 40_000)
	cmd, lines, words := following(t, nil, "--database", database, "-n", "20000")
	if !lines.Scan() {
		t.Fatal(words)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { //nolint:revive // until it ends
	}
	if err := cmd.Wait(); err != nil || words.Len() > 0 {
		t.Errorf("it ends with %v: %s", err, words)
	}
}

// A reader that goes away ends it at the next line, and nothing is said.
func TestFollowBrokenPipe(t *testing.T) {
	database := agedStore(t, 3)
	cmd := program(t, "audit", "tail", "--follow", "--database", database)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("it shows nothing")
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := program(t, "client", "create", "--name", "late", "--scope-set", "view", "--database", database).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := cmd.Wait(); err == nil || words.Len() > 0 {
		t.Errorf("it ends with %v: %s", err, &words)
	}
}

// Names come from whoever may create agents. In the lines for people they stay
// one word of one line: they end no line, begin no other fact, colour nothing
// and turn no writing direction.
func TestTailNames(t *testing.T) {
	names := []string{
		"a\nb", "a\r\nb", "a\x1b[31mred\x1b[0m", "a\x07b", "a\u202eb", "a\u2066b\u2069", "a\u200bb", "a\ufeffb", "a\u2028b", "a\u0085b",
		"a  actor=admin", "a\u00a0actor=admin", "a\tactor=admin", `a"  outcome=done`, `"`, `a\nb`, "é 日本", "a=b",
	}
	database := agedStore(t, 2)
	s := serve(t, "--database", database)
	c := s.client(t, database)
	for _, name := range names {
		if _, err := c.CreateAgent(t.Context(), newAgent(name)); err != nil {
			t.Logf("%q is refused: %v", name, err)
		}
	}
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: database})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { // as any other writer could
		var events []audit.Event
		for _, name := range append(names, "a\xff\x9b31mb") {
			events = append(events, audit.Event{Actor: name, Action: audit.Action(name), AgentID: name, Target: name,
				Outcome: audit.Outcome(name), Reason: name, Detail: map[string]string{name: name}})
		}
		return events, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range [][]string{{"--database", database}, {"--endpoint", s.url}} {
		cmd := program(t, append([]string{"audit", "tail", "-n", "1000"}, from...)...)
		cmd.Env = append(cmd.Env, "AGENTCREDS_ACCESS_TOKEN="+strings.TrimSpace(string(read(t, database+".admin-token"))))
		out, err := cmd.Output()
		if err != nil || !utf8.Valid(out) {
			t.Fatalf("%v\n%q", err, out)
		}
		text := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if last := fmt.Sprint(len(text), "  "); len(text) < 2*len(names) || !strings.HasPrefix(text[len(text)-1], last) {
			t.Errorf("%d lines, the last one is %q", len(text), text[len(text)-1])
		}
		for _, line := range text {
			if strings.ContainsFunc(line, func(r rune) bool { return r != ' ' && (!unicode.IsPrint(r) || unicode.IsSpace(r)) }) {
				t.Errorf("a line has something else than text: %q", line)
			}
			for fact := range strings.SplitSeq(line, "  ") {
				if fact == "actor=admin" && !strings.Contains(line, "agent.create") && !strings.Contains(line, "admin.create") {
					t.Errorf("a name became a fact of its own: %s", line)
				}
			}
		}
	}
}
