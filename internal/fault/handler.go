package fault

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Config says what a handler breaks.
type Config struct {
	Rules  []Rule
	Spare  []string     // paths that no rule touches
	Logger *slog.Logger // gets a line for each fault; nil discards
}

// handler breaks requests on their way to the next one.
type handler struct {
	cfg  Config
	next http.Handler

	mu     sync.Mutex
	counts []count // of each rule
}

// count is what a rule has seen and done.
type count struct{ selected, struck int }

// New puts the rules before a handler. Each rule counts the requests that it is
// about, whatever the others do to them. A request meets every delay that comes
// up, and of the other faults the first.
func New(cfg Config, next http.Handler) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &handler{cfg: cfg, next: next, counts: make([]count, len(cfg.Rules))}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if slices.Contains(h.cfg.Spare, r.URL.Path) {
		h.next.ServeHTTP(w, r)
		return
	}
	wait, fault := h.choose(r)
	if wait > 0 {
		unbounded(w)
		if !sleep(r.Context(), wait) {
			panic(http.ErrAbortHandler) // nobody waits any more
		}
	}
	if fault == nil {
		h.next.ServeHTTP(w, r)
		return
	}
	fault.strike(w, r, h.next)
}

// choose finds what becomes of a request; nil for nothing but the delay.
func (h *handler) choose(r *http.Request) (wait time.Duration, fault *Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.cfg.Rules {
		rule, c := &h.cfg.Rules[i], &h.counts[i]
		if !rule.selects(r) {
			continue
		}
		c.selected++
		if !rule.strikes(c.selected, c.struck) || rule.kind != delay && fault != nil {
			continue
		}
		c.struck++
		h.cfg.Logger.InfoContext(r.Context(), "fault", "rule", rule.text, "method", r.Method, "request", c.selected)
		if rule.kind == delay {
			wait += rule.delay(c.selected)
		} else {
			fault = rule
		}
	}
	return wait, fault
}

// unbounded takes away the time limit for writing an answer: a fault may be
// longer than any answer is meant to be.
func unbounded(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // where there is none, there is nothing to do
}

// sleep reports whether the time passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
