package client

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// read answers from memory, from a page, or by one GET.
func (s *snapshot) read(ctx context.Context, id string) (api.Agent, error) {
	s.mu.Lock()
	s.reads++
	a, ok := s.known[id]
	s.mu.Unlock()
	if ok {
		return a, ctx.Err()
	}
	return s.gets.do(ctx, id, func(ctx context.Context) (api.Agent, error) { return s.fetch(ctx, id) })
}

func (s *snapshot) fetch(ctx context.Context, id string) (api.Agent, error) {
	s.mu.Lock()
	if a, ok := s.known[id]; ok {
		s.mu.Unlock()
		return a, nil
	}
	if single := s.singles < singleReads; single || s.closed || s.written[id] > 0 {
		if single {
			s.singles++
		}
		s.mu.Unlock()
		return s.get(ctx, id)
	}
	ch := make(chan find, 1)
	s.waiting[id] = append(s.waiting[id], ch)
	if !s.walking {
		s.walking = true
		go s.turnPages(context.WithoutCancel(ctx)) // it serves others too
	}
	s.mu.Unlock()
	select {
	case f := <-ch:
		if f.err != nil {
			return api.Agent{}, f.err
		}
		if f.agent != nil {
			return *f.agent, nil
		}
		return s.get(ctx, id)
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiting[id] = slices.DeleteFunc(s.waiting[id], func(w chan find) bool { return w == ch })
		if len(s.waiting[id]) == 0 {
			delete(s.waiting, id)
		}
		return api.Agent{}, ctx.Err()
	}
}

// turnPages is the walk.
func (s *snapshot) turnPages(ctx context.Context) {
	for s.more() {
		_, err := s.page(ctx, &s.walk)
		if err == nil {
			continue
		}
		// Whoever may not list may still read.
		e, ok := errors.AsType[*api.Error](err)
		refused := ok && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests
		s.mu.Lock()
		defer s.mu.Unlock()
		if refused || ok && e.Status == http.StatusNotImplemented {
			s.stop(find{}, true)
		} else {
			s.stop(find{err: err}, false)
		}
		return
	}
}

// more reports whether the walk goes on, and ends it when not: in one step, so
// that nobody begins to wait for a walk that has just stopped.
func (s *snapshot) more() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.walk.done && len(s.waiting) > 0 && s.pages < pagesPerRead*(s.reads-singleReads) {
		s.pages++
		return true
	}
	s.stop(find{}, s.walk.done)
	return false
}

// stop is called with the lock held.
func (s *snapshot) stop(f find, closed bool) {
	s.walking, s.closed = false, s.closed || closed
	for _, id := range slices.Collect(maps.Keys(s.waiting)) {
		s.tell(id, f)
	}
}
