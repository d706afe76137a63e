package client_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// directory is a fake that keeps agents and gives them one by one and in pages.
type directory struct {
	*fake
	mu     sync.Mutex
	ids    []string
	names  map[string]string // display names that were changed
	limit  int               // of a page; 0: as asked for
	total  func(int) int     // totalResults; nil tells the truth
	start  func(int) int     // what becomes of startIndex; nil: nothing
	paged  func()            // called after each page
	before func(*http.Request)
}

func newDirectory(n int) *directory {
	d := &directory{names: map[string]string{}}
	for i := range n {
		d.ids = append(d.ids, fmt.Sprintf("a%05d", i))
	}
	d.fake = reference(func(w http.ResponseWriter, r *http.Request) {
		if d.before != nil {
			d.before(r)
		}
		d.mu.Lock()
		status, answer := d.answer(r)
		d.mu.Unlock()
		time.Sleep(10 * time.Millisecond) // the way back: the answer may be old when it arrives
		if status == 404 {
			scimError(w, 404, "no such agent")
			return
		}
		reply(w, status, answer)
	})
	return d
}

func (d *directory) answer(r *http.Request) (int, any) {
	if r.URL.Path == api.PathAgents {
		return 200, d.page(r)
	}
	id := strings.TrimPrefix(r.URL.Path, api.PathAgents+"/")
	at := slices.Index(d.ids, id)
	switch {
	case at < 0:
		return 404, nil
	case r.Method == http.MethodPatch:
		d.names[id] += "x"
	case r.Method == http.MethodDelete:
		d.ids = slices.Delete(d.ids, at, at+1)
	}
	return 200, d.agent(id)
}

func (d *directory) agent(id string) api.Agent {
	a := agent(id)
	a.Profile.DisplayName = d.names[id]
	return a
}

func (d *directory) page(r *http.Request) api.List[api.Agent] {
	start, _ := strconv.Atoi(r.FormValue("startIndex"))
	count, _ := strconv.Atoi(r.FormValue("count"))
	if d.limit > 0 {
		count = min(count, d.limit)
	}
	if d.start != nil {
		start = d.start(start)
	}
	l := api.List[api.Agent]{Schemas: []string{api.SchemaList}, TotalResults: len(d.ids), StartIndex: start}
	if d.total != nil {
		l.TotalResults = d.total(len(d.ids))
	}
	for i := start - 1; i < min(start-1+count, len(d.ids)); i++ {
		l.Resources = append(l.Resources, d.agent(d.ids[i]))
	}
	l.ItemsPerPage = len(l.Resources)
	if d.paged != nil {
		d.paged()
	}
	return l
}

// counts tells pages, single reads, and all requests with the one that asks
// what the server is.
func (d *directory) counts() (pages, gets, all int) {
	for _, r := range d.requests() {
		if r.path == api.PathAgents {
			pages++
		} else if r.method == http.MethodGet {
			gets++
		}
	}
	return pages, gets, len(d.requests()) + d.configs()
}

// refresh reads as Terraform does: so many at a time, and each agent twice, for
// itself and for its secret.
func refresh(t *testing.T, c *client.Client, ids []string, parallel int) {
	t.Helper()
	next := make(chan string)
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for id := range next {
				for range 2 {
					if a, err := c.ReadAgent(t.Context(), id); err != nil || a.ID != id {
						t.Errorf("ReadAgent(%s) = %q, %v", id, a.ID, err)
					}
				}
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	wg.Wait()
}

// orders of reading: as the pages go, against them, and as a map would.
var orders = map[string]func([]string) []string{
	"as the pages": slices.Clone[[]string],
	"backwards":    func(ids []string) []string { ids = slices.Clone(ids); slices.Reverse(ids); return ids },
	"shuffled": func(ids []string) []string {
		ids = slices.Clone(ids)
		hash := func(s string) string { h := sha256.Sum256([]byte(s)); return string(h[:]) }
		slices.SortFunc(ids, func(a, b string) int { return strings.Compare(hash(a), hash(b)) })
		return ids
	},
}

// TestRefreshCounts is the goal of the whole file: what a plan costs.
func TestRefreshCounts(t *testing.T) {
	for _, tt := range []struct{ n, most int }{{1, 2}, {3, 4}, {5, 5}, {100, 5}, {1000, 14}, {10_000, 120}} {
		for _, parallel := range []int{1, 10, 50} {
			for order, arrange := range orders {
				t.Run(fmt.Sprintf("%d by %d %s", tt.n, parallel, order), func(t *testing.T) {
					if tt.n == 10_000 && testing.Short() {
						t.Skip("ten thousand agents")
					}
					synctest.Test(t, func(t *testing.T) {
						d := newDirectory(tt.n)
						refresh(t, d.inside(t), arrange(d.ids), parallel)
						pages, gets, all := d.counts()
						t.Logf("%d pages, %d single reads, %d requests", pages, gets, all)
						if all > tt.most {
							t.Errorf("%d pages, %d single reads, %d requests; want at most %d", pages, gets, all, tt.most)
						}
					})
				})
			}
		}
	}
}

// TestRefreshSmallState: a few agents of a huge directory must not cost its
// listing.
func TestRefreshSmallState(t *testing.T) {
	for _, n := range []int{1, 3, 4, 8, 20} {
		for _, parallel := range []int{1, 10} {
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(10_000)
				ids := orders["backwards"](d.ids)[:n]
				refresh(t, d.inside(t), ids, parallel)
				pages, gets, all := d.counts()
				if pages > max(0, 4*(2*n-3)) || gets > n || n <= 3 && pages > 0 {
					t.Errorf("%d agents by %d: %d pages, %d single reads, %d requests", n, parallel, pages, gets, all)
				}
			})
		}
	}
}

// TestRefreshHostilePages: what a list must not do to us. Every read is answered
// right, and the walk ends.
func TestRefreshHostilePages(t *testing.T) {
	for name, change := range map[string]func(*directory){
		"small pages":            func(d *directory) { d.limit = 7 },
		"total is the page":      func(d *directory) { d.total = func(int) int { return 100 } },
		"total is zero":          func(d *directory) { d.total = func(int) int { return 0 } },
		"total is endless":       func(d *directory) { d.total = func(int) int { return 1 << 30 } },
		"startIndex is ignored":  func(d *directory) { d.start = func(int) int { return 1 } },
		"startIndex is from 0":   func(d *directory) { d.start = func(i int) int { return max(1, i-1) } },
		"pages overlap":          func(d *directory) { d.start = func(i int) int { return max(1, i-30) } },
		"empty from the start":   func(d *directory) { d.start = func(int) int { return 1 << 30 } },
		"order changes":          func(d *directory) { d.paged = func() { slices.Reverse(d.ids) } },
		"agents deleted between": func(d *directory) { d.paged = func() { d.ids = slices.Delete(d.ids, 0, 5) } },
		"agents made between": func(d *directory) {
			d.paged = func() { d.ids = slices.Insert(d.ids, 0, fmt.Sprint("new", len(d.ids))) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(300)
				ids := slices.Clone(d.ids[100:])
				change(d)
				refresh(t, d.inside(t), ids, 10)
				if pages, gets, _ := d.counts(); pages > 300 || gets > len(ids) {
					t.Errorf("%d pages, %d single reads", pages, gets)
				}
			})
		})
	}
}

// TestRefreshDeleted: absence from the pages is confirmed by one GET, and only
// the server's own words count.
func TestRefreshDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(250)
		c := d.inside(t)
		refresh(t, c, d.ids[:5], 5)
		_, before, _ := d.counts()
		for range 2 {
			_, err := c.ReadAgent(t.Context(), "gone")
			if e, ok := errors.AsType[*api.Error](err); !ok || !e.Gone() {
				t.Errorf("ReadAgent of a deleted one = %v, want a 404 of the server", err)
			}
		}
		if pages, gets, _ := d.counts(); pages != 4 || gets != before+2 {
			t.Errorf("%d pages, %d single reads, want 4 and %d", pages, gets, before+2)
		}
		// It may be there again: nothing is remembered of absence.
		d.mu.Lock()
		d.ids = append(d.ids, "gone")
		d.mu.Unlock()
		if a, err := c.ReadAgent(t.Context(), "gone"); err != nil || a.ID != "gone" {
			t.Errorf("ReadAgent = %q, %v", a.ID, err)
		}
	})
}

// TestRefreshReleases: nobody waits for pages behind their own.
func TestRefreshReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(1000)
		c := d.inside(t)
		refresh(t, c, d.ids[:3], 1)
		start := time.Now()
		var wg sync.WaitGroup
		for page := range 10 {
			wg.Go(func() {
				if _, err := c.ReadAgent(t.Context(), d.ids[page*100+50]); err != nil {
					t.Error(err)
				}
				if took, want := time.Since(start), time.Duration(page+1)*10*time.Millisecond; took != want {
					t.Errorf("an agent of page %d was there after %s, want %s", page, took, want)
				}
			})
		}
		wg.Wait()
	})
}

// TestRefreshCancel: the walk outlives who began it, and nobody but who waits
// keeps it going.
func TestRefreshCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(1000)
		c := d.inside(t)
		refresh(t, c, d.ids[:3], 1)
		first, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		read := func(ctx context.Context, id string) { _, err := c.ReadAgent(ctx, id); errs <- err }
		go read(first, d.ids[950])
		synctest.Wait()
		go read(t.Context(), d.ids[350])
		go read(t.Context(), d.ids[950]) // the same as the first
		time.Sleep(15 * time.Millisecond)
		cancel()
		synctest.Wait()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("the first = %v, want to be cancelled at once", err)
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Errorf("another = %v", err)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(1000)
		c := d.inside(t)
		refresh(t, c, d.ids[:3], 1)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
		defer cancel()
		if _, err := c.ReadAgent(ctx, d.ids[950]); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ReadAgent = %v, want the deadline", err)
		}
		time.Sleep(time.Minute)
		if pages, _, _ := d.counts(); pages != 2 {
			t.Errorf("%d pages, want 2: nobody waits", pages)
		}
		if _, err := c.ReadAgent(t.Context(), d.ids[250]); err != nil { // goes on where it stopped
			t.Error(err)
		}
		if pages, gets, _ := d.counts(); pages != 3 || gets != 3 {
			t.Errorf("%d pages, %d single reads, want 3 and 3", pages, gets)
		}
	})
}
