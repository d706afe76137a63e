package storetest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The environment of a child process.
const (
	roleVariable  = "STORETEST_ROLE"
	placeVariable = "STORETEST_PLACE"
)

// RunProcesses checks several processes on one store. It starts the test
// binary again, to run only the test that called it; there RunProcesses does
// what its parent wants and returns. So the caller must call it first of all,
// in a test of its own and not in a subtest:
//
//	func TestProcesses(t *testing.T) {
//		storetest.RunProcesses(t, func(t *testing.T, dir string) store.Store { … })
//	}
//
// open opens the store that belongs to the directory, making it when there is
// none, and closes it when the test ends.
func RunProcesses(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	dir := os.Getenv(placeVariable)
	switch os.Getenv(roleVariable) {
	case "":
		t.Run("first start", func(t *testing.T) { firstStart(t, open) })
		t.Run("lose nothing", func(t *testing.T) { processesLoseNothing(t, open) })
		t.Run("kill", func(t *testing.T) { kill(t, open) })
		t.Run("kill while entries are removed", func(t *testing.T) { killCutting(t, open) })
	case "create":
		ready()
		s := open(t, dir)
		add(t, s, store.Agent{ID: id(os.Getpid())})
		say(s.ID())
	case "increment":
		ready()
		s := open(t, dir)
		together(t, writers, func(int) error { return incrementOften(t, s) })
	case "cut":
		ready()
		s := open(t, dir)
		together(t, 4, func(i int) error { return cutForEver(t, s, i == 0) })
	case "write":
		ready()
		s := open(t, dir)
		together(t, 4, func(i int) error { return writeForEver(t, s, fmt.Sprintf("%d-%d", os.Getpid(), i)) })
	}
}

// process is a child process.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	words chan string // what it said; closed at its end
	err   bytes.Buffer
	out   strings.Builder // what else it printed; complete when words is closed
}

// mark begins what a child says; its test framework prints, too.
const mark = "storetest: "

// say tells the parent, in one write, so that it arrives whole or not at all.
func say(word string) { _, _ = os.Stdout.WriteString(mark + word + "\n") }

// ready tells the parent that this process could begin, and waits until it may.
func ready() {
	say("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// spawn starts n children and lets them begin at once.
func spawn(t *testing.T, n int, role, dir string) []*process {
	t.Helper()
	var all []*process
	for range n {
		all = append(all, start(t, role, dir))
	}
	for _, p := range all {
		if word := p.word(t); word != "ready" {
			t.Fatalf("a child said %q, want ready", word)
		}
	}
	for _, p := range all {
		_ = p.stdin.Close()
	}
	return all
}

func start(t *testing.T, role, dir string) *process {
	t.Helper()
	p := &process{words: make(chan string, 1<<16)}
	p.cmd = exec.Command(os.Args[0], "-test.run=^"+strings.Split(t.Name(), "/")[0]+"$") //nolint:gosec // this binary
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role, placeVariable+"="+dir)
	p.cmd.Stderr = &p.err
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() {
		defer close(p.words)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if word, ok := strings.CutPrefix(lines.Text(), mark); ok {
				p.words <- word
			} else {
				p.out.WriteString(lines.Text() + "\n")
			}
		}
	}()
	return p
}

// word returns what the child says next.
func (p *process) word(t *testing.T) string {
	t.Helper()
	word, ok := <-p.words
	if !ok {
		_ = p.cmd.Wait() // then all that it printed is here
		t.Fatalf("a child ended early\n%s%s", &p.out, &p.err)
	}
	return word
}

// end waits for a child that ends by itself, and returns what it said.
func (p *process) end(t *testing.T) (words []string) {
	t.Helper()
	for word := range p.words {
		words = append(words, word)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("a child failed: %v\n%s%s", err, &p.out, &p.err)
	}
	return words
}

// kill ends a child at once and returns what it had said.
func (p *process) kill() (words []string) {
	_ = p.cmd.Process.Kill()
	for word := range p.words {
		words = append(words, word)
	}
	_ = p.cmd.Wait()
	return words
}

// firstStart: of several processes that start on nothing, one makes the store.
func firstStart(t *testing.T, open func(*testing.T, string) store.Store) {
	const n = 8
	for range 3 {
		dir := t.TempDir()
		ids := map[string]bool{}
		for _, p := range spawn(t, n, "create", dir) {
			for _, word := range p.end(t) {
				ids[word] = true
			}
		}
		s := open(t, dir)
		if len(ids) != 1 || !ids[s.ID()] {
			t.Errorf("the children got ids %v, and there is %s: want one", ids, s.ID())
		}
		if _, total := ask(t, s, store.Query{}); total != n {
			t.Errorf("%d agents, want that of each child, %d", total, n)
		}
		entries(t, s)
		if t.Failed() {
			return
		}
	}
}

// Each of three processes has writers of them, who count so often.
const (
	writers    = 10
	increments = 20
)

func incrementOften(t *testing.T, s store.Store) error {
	var slowest time.Duration
	for range increments {
		began := time.Now()
		if err := try(t, s, func(tx store.Tx) error { return increment(tx, id(1)) }); err != nil {
			return err
		}
		slowest = max(slowest, time.Since(began))
	}
	say(slowest.String())
	return nil
}

// processesLoseNothing: nobody has to wait so long that it is an error.
func processesLoseNothing(t *testing.T, open func(*testing.T, string) store.Store) {
	const n = 3
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, store.Agent{ID: id(1)})
	var slowest time.Duration
	for _, p := range spawn(t, n, "increment", dir) {
		for _, word := range p.end(t) {
			if d, err := time.ParseDuration(word); err == nil {
				slowest = max(slowest, d)
			}
		}
	}
	t.Logf("the slowest update took %v", slowest)
	if got := read(t, s, id(1)).Epoch; got != n*writers*increments {
		t.Errorf("counted to %d, want %d", got, n*writers*increments)
	}
	entries(t, s)
}
