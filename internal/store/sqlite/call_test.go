package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// queued waits until so many calls are in the queue.
func queued(t *testing.T, s *Store, n int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		have := len(s.queue)
		s.mu.Unlock()
		if have == n {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d calls are in the queue, want %d", have, n)
		}
	}
}

// TestRide: of those who share a commit each ends as its own function has ended,
// and takes nobody with it.
func TestRide(t *testing.T) {
	s := openWith(t, newPath(t), seams{})
	holds, release := make(chan struct{}), make(chan struct{})
	led := make(chan error, 1)
	go func() {
		led <- s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) {
			close(holds)
			<-release
			return one, nil
		})
	}()
	<-holds
	boom := errors.New("boom")
	gone, leave := context.WithCancel(t.Context())
	inside, stop := context.WithCancel(t.Context())
	defer stop()
	type end struct {
		err    error
		thrown any
		exited bool // without a return
	}
	ends := map[string]chan end{}
	for n, rider := range []struct {
		name string
		ctx  context.Context
		fn   func(store.Tx) ([]audit.Event, error)
	}{
		{"well", t.Context(), nothing},
		{"throws", t.Context(), func(store.Tx) ([]audit.Event, error) { panic(boom) }},
		{"throws by mistake", t.Context(), func(store.Tx) ([]audit.Event, error) { panic(fmt.Sprint("bang ", *(*int)(nil))) }},
		{"throws a text", t.Context(), func(store.Tx) ([]audit.Event, error) { panic("bang") }},
		{"throws no text", t.Context(), func(store.Tx) ([]audit.Event, error) { panic(7) }},
		{"exits", t.Context(), func(store.Tx) ([]audit.Event, error) { runtime.Goexit(); return one, nil }},
		{"left", gone, func(store.Tx) ([]audit.Event, error) { t.Error("it ran for one who had left"); return one, nil }},
		{"leaves inside", inside, func(store.Tx) ([]audit.Event, error) { stop(); return one, nil }},
		{"well too", t.Context(), nothing},
	} {
		ended := make(chan end, 1)
		ends[rider.name] = ended
		go func() {
			got := end{exited: true}
			defer func() {
				got.thrown = recover()
				ended <- got
			}()
			got.err = s.Update(rider.ctx, rider.fn)
			got.exited = false
		}()
		queued(t, s, n+1)
	}
	leave()
	if got := <-ends["left"]; !errors.Is(got.err, context.Canceled) {
		t.Errorf("who left has %+v", got)
	}
	_, before := count(t, s)
	close(release)
	if err := <-led; err != nil {
		t.Errorf("the leader = %v", err)
	}
	for _, name := range []string{"well", "leaves inside", "well too"} {
		if got := <-ends[name]; got != (end{}) {
			t.Errorf("%s: %+v, want that it is done", name, got)
		}
	}
	for name, want := range map[string]string{"throws": "boom", "throws a text": "bang", "throws by mistake": "nil pointer"} {
		thrown := (<-ends[name]).thrown
		got := fmt.Sprint(thrown)
		if err, ok := thrown.(error); name == "throws" && (!ok || !errors.Is(err, boom)) {
			t.Errorf("recovered %q, want an error that is what was thrown", got)
		}
		if !strings.Contains(got, want) || !strings.Contains(got, "TestRide") || strings.Contains(got, "\n") {
			t.Errorf("recovered %q, want what was thrown, and where", got)
		}
	}
	if got := <-ends["throws no text"]; got.thrown != 7 {
		t.Errorf("recovered %v, want 7", got.thrown)
	}
	if got := <-ends["exits"]; !got.exited || got.thrown != nil {
		t.Errorf("%+v, want that its goroutine ended", got)
	}
	if _, after := count(t, s); after-before != 4 {
		t.Errorf("%d entries, want 4", after-before)
	}
}
