package client_test

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// TestReadOnce: an agent that was shown by anything is not asked for again.
func TestReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(150)
		c := d.inside(t)
		if _, err := c.Agent(t.Context(), d.ids[140]); err != nil {
			t.Fatal(err)
		}
		for _, err := range c.FindAgents(t.Context(), nil) { // all three pages, the last of them empty
			if err != nil {
				t.Fatal(err)
			}
		}
		refresh(t, c, d.ids, 10)
		if pages, gets, _ := d.counts(); pages != 3 || gets != 1 {
			t.Errorf("%d pages, %d single reads, want 3 and 1", pages, gets)
		}
		if _, err := c.Agent(t.Context(), d.ids[140]); err != nil { // always fresh
			t.Fatal(err)
		}
		if _, gets, _ := d.counts(); gets != 2 {
			t.Errorf("%d single reads, want 2", gets)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(1)
		c := d.inside(t)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { refresh(t, c, d.ids, 1) })
		}
		wg.Wait()
		if _, gets, _ := d.counts(); gets != 1 {
			t.Errorf("%d single reads of one agent, want 1", gets)
		}
	})
}

// TestWriteDrops: every write, also one that failed or whose answer was lost,
// makes the next read ask the server.
func TestWriteDrops(t *testing.T) {
	for name, call := range calls(t) {
		if name == "read" || name == "create" {
			continue
		}
		for fault, script := range map[string]http.HandlerFunc{"done": success(name), "refused": status(409), "lost": status(500)} {
			synctest.Test(t, func(t *testing.T) {
				f := reference(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet {
						reply(w, 200, agent("a1"))
						return
					}
					script(w, r)
				})
				c := f.inside(t)
				read := func() {
					t.Helper()
					if _, err := c.ReadAgent(t.Context(), "a1"); err != nil {
						t.Fatal(err)
					}
				}
				read()
				_ = call(t.Context(), c)
				sent := len(f.requests())
				read()
				read()
				if got := len(f.requests()); got != sent+1 {
					t.Errorf("%s, %s: %d reads after it, want 1", name, fault, got-sent)
				}
			})
		}
	}
}

// TestWriteThenRead: what was written is asked for alone; no pages are turned.
func TestWriteThenRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(300)
		c := d.inside(t)
		refresh(t, c, d.ids[:3], 1)
		for _, id := range d.ids[200:220] {
			patch(t, c, id)
			refresh(t, c, []string{id}, 1)
		}
		if pages, gets, _ := d.counts(); pages != 0 || gets != 23 {
			t.Errorf("%d pages, %d single reads, want 0 and 23", pages, gets)
		}
	})
}

// TestWriteWhileReading: an answer that was asked for before a write is not
// kept after it, whether it comes from a page or from a GET.
func TestWriteWhileReading(t *testing.T) {
	name := func(t *testing.T, c *client.Client, id string) string {
		t.Helper()
		a, err := c.ReadAgent(t.Context(), id)
		if err != nil {
			t.Error(err)
		}
		return a.Profile.DisplayName
	}
	for _, way := range []string{"a page", "a GET", "a list"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(50)
				c := d.inside(t)
				if way != "a GET" {
					refresh(t, c, d.ids[:3], 1)
				}
				id := d.ids[40]
				var wg sync.WaitGroup
				wg.Go(func() { // asks now, and hears in 10 ms
					if way == "a list" {
						for _, err := range c.FindAgents(t.Context(), nil) {
							if err != nil {
								t.Error(err)
							}
						}
						return
					}
					if got := name(t, c, id); way == "a page" && got != "x" {
						t.Errorf("who waited for the page reads %q, want what was written", got)
					}
				})
				synctest.Wait()
				// The write is quicker than the read's way back.
				d.mu.Lock()
				d.names[id] = "x"
				d.mu.Unlock()
				quick(t, d, func() { patch(t, c, id) })
				if got := name(t, c, id); got != "x" {
					t.Errorf("a read after the write = %q, want what was written", got)
				}
				wg.Wait()
				if got := name(t, c, id); got != "x" {
					t.Errorf("a read after the old answer came = %q, want what was written", got)
				}
				patch(t, c, id)
				if got := name(t, c, id); got != "xx" {
					t.Errorf("a read after another write = %q", got)
				}
			})
		})
	}
}

// quick lets writes pass without the way back.
func quick(t *testing.T, d *directory, f func()) {
	t.Helper()
	slow := d.script
	d.script = func(w http.ResponseWriter, r *http.Request, body string) {
		if r.Method == http.MethodPatch {
			reply(w, 200, agent("a"))
			return
		}
		slow(w, r, body)
	}
	f()
	d.script = slow
}

func patch(t *testing.T, c *client.Client, id string) {
	t.Helper()
	if _, err := c.PatchAgent(t.Context(), id, renameOps()); err != nil {
		t.Fatal(err)
	}
}

// TestReadFailure: an error goes to those who wait, and no further.
func TestReadFailure(t *testing.T) {
	for _, way := range []string{"a page", "a GET"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(50)
				c := d.inside(t, func(cfg *client.Config) { cfg.MaxRetries = -1 })
				if way == "a page" {
					refresh(t, c, d.ids[:3], 1)
				}
				var down atomic.Bool
				down.Store(true)
				slow := d.script
				d.script = func(w http.ResponseWriter, r *http.Request, body string) {
					if down.Load() {
						time.Sleep(10 * time.Millisecond)
						status(500)(w, r)
						return
					}
					slow(w, r, body)
				}
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() {
						if _, err := c.ReadAgent(t.Context(), d.ids[40]); !errors.Is(err, &api.Error{Status: 500}) {
							t.Errorf("ReadAgent = %v, want the server's failure", err)
						}
					})
				}
				wg.Wait()
				down.Store(false)
				refresh(t, c, d.ids[40:41], 1)
				if _, _, all := d.counts(); all > 7 {
					t.Errorf("%d requests", all)
				}
			})
		})
	}
}

// TestListRefused: who may read but not list reads one by one.
func TestListRefused(t *testing.T) {
	for _, code := range []int{400, 403, 404, 501} {
		synctest.Test(t, func(t *testing.T) {
			d := newDirectory(50)
			slow := d.script
			d.script = func(w http.ResponseWriter, r *http.Request, body string) {
				if r.URL.Path == api.PathAgents {
					status(code)(w, r)
					return
				}
				slow(w, r, body)
			}
			refresh(t, d.inside(t), d.ids, 10)
			if pages, gets, _ := d.counts(); pages != 1 || gets != 50 {
				t.Errorf("%d: %d pages, %d single reads, want 1 and 50", code, pages, gets)
			}
		})
	}
}

// TestManyHands reads, writes and lists at once; the race detector watches.
func TestManyHands(t *testing.T) {
	d := newDirectory(300)
	c := d.over(t)
	var wg sync.WaitGroup
	for hand := range 20 {
		wg.Go(func() {
			for i := hand; i < 300; i += 20 {
				id := d.ids[i]
				for range 2 {
					if a, err := c.ReadAgent(t.Context(), id); err != nil || a.ID != id {
						t.Errorf("ReadAgent(%s) = %q, %v", id, a.ID, err)
					}
				}
				if i%3 == 0 {
					patch(t, c, id)
					if a, err := c.ReadAgent(t.Context(), id); err != nil || a.Profile.DisplayName != "x" {
						t.Errorf("ReadAgent(%s) after a write = %q, %v", id, a.Profile.DisplayName, err)
					}
				}
			}
		})
	}
	wg.Go(func() {
		n := 0
		for _, err := range c.FindAgents(t.Context(), nil) {
			if n++; err != nil {
				t.Error(err)
			}
		}
		if n != 300 {
			t.Errorf("FindAgents yields %d, want 300", n)
		}
	})
	wg.Wait()
}
