package client

import (
	"context"
	"slices"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

const (
	// singleReads are answered by a GET each before pages are listed.
	singleReads = 3
	// pagesPerRead bounds what a few reads may list of a huge directory.
	pagesPerRead = 4
)

// snapshot remembers what the client read, for the one run that it lives.
//
// Reads that it cannot answer wait for a walk through the pages of all agents,
// one walk for all of them. The walk stops when nobody waits, when it has
// fetched pagesPerRead pages for every read after the first singleReads, or at
// the end; a later read lets it go on where it stopped. Who still waits then
// asks for the one agent.
//
// What was asked for before a write to an agent is not kept after it: every
// write has a number, and every answer knows the number at which it was asked
// for.
type snapshot struct {
	c    *Client
	gets flights[api.Agent]

	mu      sync.Mutex
	known   map[string]api.Agent
	rich    bool              // single reads show more than names
	agents  map[string]bool   // ids that are an agent's, beyond doubt
	written map[string]uint64 // the number of the last write to an agent
	writes  uint64
	busy    map[string]int // writes under way
	// passwords are the times at which this client set the secret of an agent.
	passwords map[string][]int64
	singles   int
	reads     int

	walk    pager // of the walk alone, while walking is set
	walking bool
	pages   int
	closed  bool // the walk came to its end, or the server gives no list
	waiting map[string][]chan find
}

// find is what the walk tells who waits: the agent, an error, or neither: ask
// for it.
type find struct {
	agent *api.Agent
	err   error
}

func newSnapshot(c *Client) *snapshot {
	return &snapshot{
		c: c, known: map[string]api.Agent{}, agents: map[string]bool{},
		written: map[string]uint64{}, busy: map[string]int{}, passwords: map[string][]int64{}, waiting: map[string][]chan find{},
	}
}

// get asks for one agent and remembers the answer.
func (s *snapshot) get(ctx context.Context, id string) (api.Agent, error) {
	asked := s.number()
	a, err := s.c.getAgent(ctx, id)
	if err != nil {
		return api.Agent{}, err
	}
	s.keep([]api.Agent{a}, asked)
	if !bare(a) {
		s.mu.Lock()
		s.rich = true
		s.mu.Unlock()
	}
	return a, nil
}

// page turns a page of any list and remembers what is on it.
func (s *snapshot) page(ctx context.Context, p *pager) ([]api.Agent, error) {
	asked := s.number()
	page, err := p.next(ctx, s.c)
	if err == nil {
		s.keep(slices.DeleteFunc(slices.Clone(page), s.thin), asked)
		for _, a := range page {
			s.glimpsed(a)
		}
	}
	return page, err
}

// bare reports whether an agent lacks all that a WSO2 server keeps of one.
func bare(a api.Agent) bool { return a.System == nil && a.Profile.IsZero() }

// thin reports whether a page shows less of an agent than there is: some lists
// have no more than names, where a single read has all.
func (s *snapshot) thin(a api.Agent) bool {
	if s.c.server.load().Kind != KindWSO2 || !bare(a) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rich
}

// glimpsed notes an agent that a page showed too little of: who waits for it
// must ask for it alone. What keep told is told.
func (s *snapshot) glimpsed(a api.Agent) {
	s.prove(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(a.ID, find{})
}

func (s *snapshot) number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// keep remembers agents that were asked for at a number, but for those that
// were written to since, and hands them to who waits for them. Who waits for
// one that was written to must ask anew.
func (s *snapshot) keep(agents []api.Agent, asked uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range agents {
		if a.IsAgent() {
			s.agents[a.ID] = true
		}
		f := find{}
		if s.written[a.ID] <= asked {
			s.known[a.ID] = a
			f.agent = &a
		}
		s.tell(a.ID, f)
	}
}

// tell is called with the lock held.
func (s *snapshot) tell(id string, f find) {
	for _, ch := range s.waiting[id] {
		ch <- f
	}
	delete(s.waiting, id)
}

// begin notes that a write to an agent begins.
func (s *snapshot) begin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[id]++
}

// Glance returns an agent as this client read it last, if it did and nothing
// wrote to it since. It asks nobody.
func (c *Client) Glance(id string) (a api.Agent, ok bool) {
	c.snap.mu.Lock()
	defer c.snap.mu.Unlock()
	a, ok = c.snap.known[id]
	return a, ok
}

// drop forgets an agent that was written to, and what is on its way to us. It
// reports whether no other write to it is under way, whose answer could be older
// or newer than this one's.
func (s *snapshot) drop(id string) (alone bool) {
	s.mu.Lock()
	s.writes++
	s.written[id] = s.writes
	delete(s.known, id)
	if s.busy[id]--; s.busy[id] <= 0 {
		delete(s.busy, id)
		alone = true
	}
	s.mu.Unlock()
	s.gets.forget(id)
	return alone
}

// set notes that this client set the secret that the agent has.
func (s *snapshot) set(a api.Agent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[a.ID] = append(s.passwords[a.ID], a.PasswordTime())
}

// prove notes that an id is an agent's.
func (s *snapshot) prove(a api.Agent) {
	if a.IsAgent() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.agents[a.ID] = true
	}
}

func (s *snapshot) proven(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agents[id]
}
