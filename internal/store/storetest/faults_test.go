package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// state is what all handles on one faulty store share.
type state struct {
	mu      sync.Mutex
	updates int
	handles []*faulty
	cache   map[string]store.Agent
	secrets map[string]bool
	views   atomic.Int32
}

// faulty is a store that breaks one promise.
type faulty struct {
	store.Store
	fault  string
	state  *state
	closed atomic.Bool
}

func (f *faulty) ID() string {
	if f.fault == "each handle has its id" {
		return fmt.Sprintf("%036p", f)
	}
	return f.Store.ID()
}

func (f *faulty) Close() error {
	f.closed.Store(true)
	switch f.fault {
	case "goes on after Close":
		return nil
	case "Close closes all":
		for _, h := range f.state.handles {
			_ = h.Store.Close()
		}
	}
	return f.Store.Close()
}

func (f *faulty) View(ctx context.Context, fn func(store.Reader) error) error {
	n := f.state.views.Add(1)
	defer f.state.views.Add(-1)
	if f.fault == "fails under load" && n > 1 {
		return errors.New("too many views")
	}
	if f.fault == "ignores contexts" {
		ctx = context.WithoutCancel(ctx)
	}
	err := f.Store.View(ctx, func(r store.Reader) error {
		tx, ok := r.(store.Tx)
		if !ok {
			return errors.New("not the backend that these faults are made for")
		}
		return fn(&bad{Tx: tx, f: f})
	})
	if f.fault == "wraps errors" && err != nil {
		return fmt.Errorf("view: %w", err)
	}
	return err
}

func (f *faulty) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) (err error) {
	f.state.mu.Lock()
	f.state.updates++
	n := f.state.updates
	f.state.mu.Unlock()
	switch f.fault {
	case "answers and does nothing":
		if n%5 == 0 {
			return nil
		}
	case "ignores contexts":
		ctx = context.WithoutCancel(ctx)
	case "swallows panics":
		defer func() { _ = recover() }()
	case "stops at the end of the context":
		defer func() { err = errors.Join(err, ctx.Err()) }()
	case "Close ends what runs":
		defer func() {
			if f.closed.Load() {
				err = errors.New("closed")
			}
		}()
	}
	var ended atomic.Bool
	defer ended.Store(true)
	err = f.Store.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		b := &bad{Tx: tx, f: f, updating: true, ended: &ended}
		events, err := fn(b)
		switch {
		case f.fault == "commits what failed" && err != nil:
			events, err = []audit.Event{{}}, nil
		case f.fault == "needs no event" && len(events) == 0:
			events = []audit.Event{{}}
		case f.fault == "keeps one event" && len(events) > 1:
			events = events[:1]
		case f.fault == "cuts without a record" && b.record != nil:
			events = append(events, *b.record)
		case f.fault == "enters others' events" && len(events) > 0:
			events = slices.Clone(events)
			events[0].Actor = "somebody else"
		}
		return events, err
	})
	if f.fault == "wraps errors" && err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return err
}

// bad is a transaction that breaks one promise.
type bad struct {
	store.Tx
	f        *faulty
	updating bool
	ended    *atomic.Bool
	failed   error
	record   *audit.Event
}

// reader is what to read from.
func (b *bad) reader(read func(store.Reader) error) error {
	switch b.f.fault {
	case "a moving picture":
		if !b.updating {
			return b.f.Store.View(context.Background(), read)
		}
	case "does not see itself":
		if b.updating {
			return b.f.Store.View(context.Background(), read)
		}
	case "lives on":
		if err := read(b.Tx); err == nil || errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	case "hides not found":
		if err := read(b.Tx); err != nil {
			return errors.New("nothing there")
		}
	}
	return read(b.Tx)
}

func (b *bad) Agent(id string) (a store.Agent, err error) {
	err = b.reader(func(r store.Reader) (err error) {
		a, err = r.Agent(id)
		return err
	})
	if b.f.fault == "shares its maps" {
		b.f.state.mu.Lock()
		defer b.f.state.mu.Unlock()
		if kept, ok := b.f.state.cache[id]; ok {
			return kept, err
		}
		b.f.state.cache[id] = a
	}
	return b.agent(a), err
}

// agent is an agent as it is read.
func (b *bad) agent(a store.Agent) store.Agent {
	switch b.f.fault {
	case "forgets an agent's owner":
		a.Owner = ""
	case "cuts off microseconds":
		a.Created = a.Created.Truncate(time.Second)
	case "local times":
		a.Created, a.Modified = a.Created.Local(), a.Modified.In(time.FixedZone("there", 60))
	case "empty for nil":
		a.Scopes = append([]string{}, a.Scopes...)
	}
	return a
}

func (b *bad) AgentByExternalID(id string) (a store.Agent, err error) {
	err = b.reader(func(r store.Reader) (err error) {
		a, err = r.AgentByExternalID(id)
		return err
	})
	return b.agent(a), err
}

func (b *bad) Agents(q store.Query) (page store.Page, err error) {
	where := slices.Clone(q.Where)
	q.Where = nil
	for i, c := range where {
		if b.f.fault == "one condition" && i > 0 || b.f.fault == "wildcards" && strings.ContainsAny(c.Value, "%_") {
			continue
		}
		if b.f.fault == "case counts" {
			c.Op, c.Value = store.Contains, strings.ToUpper(c.Value)+"!"
		}
		q.Where = append(q.Where, c)
	}
	err = b.reader(func(r store.Reader) (err error) {
		page, err = r.Agents(q)
		return err
	})
	switch b.f.fault {
	case "newest first":
		slices.Reverse(page.Agents)
	case "by id":
		slices.SortFunc(page.Agents, func(a, c store.Agent) int { return strings.Compare(a.ID, c.ID) })
	case "counts the page":
		page.Total = len(page.Agents)
	}
	for i, a := range page.Agents {
		page.Agents[i] = b.agent(a)
	}
	return page, err
}

func (b *bad) Secret(agentID, secretID string) (s store.Secret, err error) {
	err = b.reader(func(r store.Reader) (err error) {
		s, err = r.Secret(agentID, secretID)
		return err
	})
	if b.f.fault == "forgets a secret's creator" {
		s.Creator = ""
	}
	return s, err
}

func (b *bad) Secrets(agentIDs []string, now int64, dead int) (all map[string][]store.Secret, err error) {
	switch b.f.fault {
	case "forgets the dead":
		dead = 0
	case "expires late":
		now--
	case "ignores the limit":
		dead = 1000
	}
	err = b.reader(func(r store.Reader) (err error) {
		all, err = r.Secrets(agentIDs, now, dead)
		return err
	})
	for id, secrets := range all {
		switch b.f.fault {
		case "lists without hints":
			for i := range secrets {
				secrets[i].Hint = ""
			}
		case "oldest secret first":
			slices.Reverse(secrets)
		case "lists under one agent":
			all[id][0].AgentID = "another"
		}
	}
	return all, err
}

func (b *bad) Entries(after int64, limit int) (list []audit.Entry, err error) {
	if b.f.fault == "entries from" && after > 0 {
		after--
	}
	err = b.reader(func(r store.Reader) (err error) {
		list, err = r.Entries(after, limit)
		return err
	})
	switch {
	case b.f.fault == "breaks the chain" && len(list) > 2:
		list[2].Actor = "somebody else"
	case b.f.fault == "removes an entry" && len(list) > 2:
		list = slices.Delete(list, 1, 2)
	case b.f.fault == "another clock":
		var prev audit.Entry
		for i, e := range list {
			list[i] = audit.Next(prev, time.Unix(0, 0), e.Event)
			prev = list[i]
		}
	case b.f.fault == "sees its own entries" && b.updating:
		list = append(list, audit.Entry{})
	}
	return list, err
}

// write is what all that write have in common.
func (b *bad) write(err error) error {
	switch b.f.fault {
	case "hides not found":
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
	case "hides what exists":
		if errors.Is(err, store.ErrExists) {
			return nil
		}
	case "stops after an error":
		if b.failed != nil {
			return b.failed
		}
		b.failed = err
	case "lives on":
		if b.ended != nil && b.ended.Load() {
			return nil
		}
	}
	return err
}

func (b *bad) AddAgent(a store.Agent) error {
	if b.f.fault == "one without external id" && a.ExternalID == "" {
		if page, err := b.Tx.Agents(store.Query{}); err == nil && page.Total > 0 {
			return store.ErrExists
		}
	}
	return b.write(b.Tx.AddAgent(a))
}

func (b *bad) SetAgent(a store.Agent) error {
	switch {
	case b.f.fault == "external id of its own" && a.ExternalID != "":
		return store.ErrExists
	case b.f.fault == "by halves":
		return nil
	}
	return b.write(b.Tx.SetAgent(a))
}

func (b *bad) RemoveAgent(id string) error {
	if b.f.fault == "removes nothing" {
		return nil
	}
	return b.write(b.Tx.RemoveAgent(id))
}

func (b *bad) AddSecret(s store.Secret) error {
	if b.f.fault == "secret ids of all" {
		if b.f.state.secrets[s.ID] {
			return store.ErrExists
		}
		b.f.state.secrets[s.ID] = true
	}
	return b.write(b.Tx.AddSecret(s))
}

func (b *bad) SetSecret(s store.Secret) error { return b.write(b.Tx.SetSecret(s)) }

func (b *bad) RemoveEntries(through int64) (audit.Cut, error) {
	switch b.f.fault {
	case "cuts one more":
		through++
	case "cuts up to what is there":
		if last, err := b.LastEntry(); err == nil {
			through = max(1, min(through, last.Seq))
		}
	}
	cut, err := b.Tx.RemoveEntries(through)
	ev := audit.Event{Action: audit.Prune, Detail: map[string]string{}}
	cut.Record(ev.Detail)
	b.record = &ev
	return cut, b.write(err)
}
