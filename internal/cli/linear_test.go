//go:build unix

package cli_test

import (
	"cmp"
	"fmt"
	"math/rand/v2" //nolint:depguard // as in the fleet
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// Each history has 16 clients, four for each of its agents.
const (
	linearClients = 16
	linearAgents  = 4
	linearDeeds   = 12 // of each client
	linearSearch  = time.Minute
)

// histories is how many there are: AGENTCREDS_TEST_HISTORIES, or so few.
func histories(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("AGENTCREDS_TEST_HISTORIES")
	if text == "" {
		if testing.Short() {
			return few / 5
		}
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("AGENTCREDS_TEST_HISTORIES=%s is not a number of histories", text)
	}
	return n
}

// TestLinear asks two servers on one file: sixteen clients create, rotate,
// revoke, log in, list and introspect, while the servers are killed, paused and
// stopped. Whatever they answered must be what one register for each secret would
// have answered, one request after the other, each at some moment between its
// sending and its answer (R4); and nothing is accepted after the answer to its
// revocation (S9).
func TestLinear(t *testing.T) {
	seed := seed(t)
	linear(t, histories(t, 50), newFleet(t, 2, filepath.Join(t.TempDir(), "agents.db")), seed)
}

// linear writes histories and judges them.
func linear(t *testing.T, wanted int, f *fleet, seed uint64) {
	t.Helper()
	what := map[string]int{}
	requests, unknown := 0, 0
	for n := range wanted {
		history := f.history(t, seed, uint64(n), what)
		for _, op := range history {
			requests++
			if op.Return == never {
				unknown++
			}
		}
		if judge(t, n, history); t.Failed() {
			return
		}
	}
	t.Logf("%d histories of %d requests, %d of them without an answer; servers were %v", wanted, requests, unknown, what)
	if requests < wanted*linearClients || unknown == 0 {
		t.Error("too little was asked and answered to say anything")
	}
}

// history lets the clients loose on agents of their own, and trouble on the
// servers.
func (f *fleet) history(t *testing.T, seed, n uint64, what map[string]int) []porcupine.Operation {
	t.Helper()
	w := &watcher{fleet: f, began: time.Now()}
	boards := make([]*board, linearAgents)
	for agent := range boards {
		boards[agent] = w.newBoard(t, agent)
	}
	var clients sync.WaitGroup
	var over atomic.Bool
	for client := range linearClients {
		draw := rand.New(rand.NewPCG(seed, n<<8|uint64(client)))
		clients.Go(func() {
			for sent := 0; sent < linearDeeds && !t.Failed(); {
				if w.act(t.Context(), client, boards[client%linearAgents], draw) {
					sent++
				}
				// They are not through before the trouble is.
				most := time.Millisecond
				if !over.Load() {
					most = 25 * time.Millisecond
				}
				time.Sleep(between(draw, most))
			}
		})
	}
	draw := rand.New(rand.NewPCG(seed, n<<8|255))
	for range 1 + draw.IntN(2) {
		time.Sleep(between(draw, 80*time.Millisecond))
		trouble := f.troubles[draw.IntN(len(f.troubles))]
		trouble.to(t, f, draw.IntN(len(f.servers)), draw)
		what[trouble.name]++
	}
	over.Store(true)
	clients.Wait()
	for _, text := range w.odd {
		t.Errorf("history %d: %s", n, text)
	}
	return w.history
}

// judge wants a history to be one of registers that are asked one at a time. One
// that is not is printed, and drawn where go test -artifacts says.
func judge(t *testing.T, n int, history []porcupine.Operation) {
	t.Helper()
	for _, op := range late(history) {
		t.Errorf("history %d: accepted after its revocation was answered: %+v at %v", n, op.Input, time.Duration(op.Call))
	}
	result, info := porcupine.CheckOperationsVerbose(oneAtATime, history, linearSearch)
	if result == porcupine.Ok {
		return
	}
	drawn := filepath.Join(t.ArtifactDir(), fmt.Sprintf("history-%d.html", n))
	if err := porcupine.VisualizePath(oneAtATime, info, drawn); err != nil {
		t.Error(err)
	}
	t.Errorf("history %d is %s (in no order of its requests are the answers right, or the search for one took longer than %v), drawn in %s\n%s",
		n, result, linearSearch, drawn, printed(wrong(history)))
}

// wrong are the parts of a history that fit in no order.
func wrong(history []porcupine.Operation) (all []porcupine.Operation) {
	for _, part := range oneAtATime.Partition(history) {
		if porcupine.CheckOperationsTimeout(oneAtATime, part, linearSearch) != porcupine.Ok {
			all = append(all, part...)
		}
	}
	return all
}

func printed(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var text strings.Builder
	for _, op := range history {
		back := "never"
		if op.Return != never {
			back = time.Duration(op.Return).String()
		}
		fmt.Fprintf(&text, "%v to %s, client %d: %+v: %+v\n", time.Duration(op.Call), back, op.ClientId, op.Input, op.Output)
	}
	return text.String()
}
