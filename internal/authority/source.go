package authority

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	// sourceLife is how long a key set that was fetched is good. After that
	// it is not used any more, also when it cannot be fetched again.
	sourceLife = 5 * time.Minute
	// sourceWait is how long after a fetch for an agent the next may be.
	sourceWait = time.Minute
	// maxSources bounds the memory, by how many agents have key sets in it.
	// Whoever was not asked for longest goes, unless that was just now.
	maxSources = 4096
	// maxSourceKeys is how many keys a set may have. All of them are looked
	// at, and an assertion that names none is tried with each.
	maxSourceKeys = 32
)

// sources keeps the key sets that agents publish at their jwks_uri.
type sources struct {
	fetch func(context.Context, string) ([]byte, error) // nil: none is fetched
	now   func() time.Time

	mu  sync.Mutex
	all map[string]*ofAgent // by agent, so that none uses up another's tries
}

// ofAgent are the key sets of one agent: one, and during a move to another
// place two.
type ofAgent struct {
	mu    sync.Mutex // held while one is fetched
	tried time.Time  // when one was fetched last, or should have been
	sets  map[string]*source
}

// source is one key set.
type source struct {
	tried   time.Time
	fetched time.Time
	keys    []keys.JWK
	err     error // of the last try
}

// fresh reports whether the keys may be used.
func (s *source) fresh(now time.Time) bool {
	return !s.fetched.IsZero() && now.Sub(s.fetched) < sourceLife
}

// find finds the keys in the sets of an agent that an assertion can be signed
// with, records being those that say where the sets are, the newest first. A kid
// that is in none is looked for in a newer one.
func (s *sources) find(ctx context.Context, records []store.Credential, a assertion) ([]candidate, error) {
	if s.fetch == nil {
		return nil, badAssertion("this server fetches no jwks_uri")
	}
	one := s.of(records[0].AgentID)
	one.mu.Lock()
	defer one.mu.Unlock()
	now := s.now()
	found, stale := one.candidates(records, a, now)
	wait := one.tried.Add(sourceWait)
	enough := len(found) > 0 && (a.kid != "" || !stale) // without a kid any of them can be meant
	// During a move two sets share the one fetch in a minute: each is fetched
	// again before it is too old, so that they are never needed at once.
	if enough && (now.Before(wait) || !one.aging(records, now)) {
		return found, nil
	}
	if now.Before(wait) {
		return found, one.none(records, a, now, fmt.Sprintf("not asked again before %s", stamp(wait)))
	}
	next := one.next(records, a, now)
	one.tried = now
	one.set(next.ID).get(ctx, s.fetch, next.Source, now)
	found, _ = one.candidates(records, a, now)
	return found, one.none(records, a, now, "asked just now")
}

// of is what is kept of an agent.
func (s *sources) of(agentID string) *ofAgent {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[agentID]
	if ok {
		return one
	}
	if len(s.all) >= maxSources {
		s.forget()
	}
	one = &ofAgent{sets: map[string]*source{}}
	s.all[agentID] = one
	return one
}

// forget makes place: what is kept is of no use after sourceLife, and before
// that whoever was asked for longest ago goes. Nobody whose sourceWait is not
// over: he would be asked for again too early.
func (s *sources) forget() {
	now := s.now()
	oldest, at := "", now.Add(-sourceWait)
	for id, one := range s.all {
		if !one.mu.TryLock() {
			continue // it is being fetched
		}
		switch tried := one.tried; {
		case now.Sub(tried) > sourceLife:
			delete(s.all, id)
		case tried.Before(at):
			oldest, at = id, tried
		}
		one.mu.Unlock()
	}
	if len(s.all) >= maxSources {
		delete(s.all, oldest)
	}
}

// aging reports whether there are two sets, of which one is not new any more.
func (p *ofAgent) aging(records []store.Credential, now time.Time) bool {
	return len(records) > 1 && slices.ContainsFunc(records, func(c store.Credential) bool {
		return now.Sub(p.set(c.ID).tried) > sourceLife/2
	})
}

func (p *ofAgent) set(id string) *source {
	one, ok := p.sets[id]
	if !ok {
		one = &source{}
		p.sets[id] = one
	}
	return one
}

// candidates are the keys of all sets that are fresh; stale reports whether one
// is not. Each is named by the record that says where it is found: what revokes
// that ends what was made with all of them.
func (p *ofAgent) candidates(records []store.Credential, a assertion, now time.Time) (found []candidate, stale bool) {
	for _, c := range records {
		one := p.set(c.ID)
		if !one.fresh(now) {
			stale = true
			continue
		}
		for _, k := range one.with(a) {
			found = append(found, candidate{c.ID, string(k.JWK())})
		}
	}
	return found, stale
}

// next is the record whose set is fetched, of which there is one in a minute: one
// that had such a key before it was too old, else the one that was asked for
// longest ago, the newest record first.
func (p *ofAgent) next(records []store.Credential, a assertion, now time.Time) store.Credential {
	best := records[0]
	for _, c := range records {
		one := p.set(c.ID)
		if !one.fresh(now) && len(one.with(a)) > 0 {
			return c
		}
		if one.tried.Before(p.set(best.ID).tried) {
			best = c
		}
	}
	return best
}

// none says why there is no key; nil when each set has told what it has.
func (p *ofAgent) none(records []store.Credential, a assertion, now time.Time, when string) error {
	if found, _ := p.candidates(records, a, now); len(found) > 0 {
		return nil
	}
	for _, c := range records {
		if err := p.set(c.ID).err; err != nil {
			return badAssertion("the keys at its jwks_uri: %.300v, %s", err, when)
		}
	}
	return badAssertion("its jwks_uri has no key for %s, %s", namedKey(a.kid), when)
}

// get fetches the set.
func (s *source) get(ctx context.Context, fetch func(context.Context, string) ([]byte, error), place string, now time.Time) {
	s.tried = now
	// Who sends an assertion and goes away must not make the fetch fail for
	// who comes next.
	text, err := fetch(context.WithoutCancel(ctx), place)
	var set []keys.JWK
	if err == nil {
		set, err = readSet(text)
	}
	if s.err = err; err == nil {
		s.keys, s.fetched = set, now
	}
}

// with are the keys for an assertion: with its kid, if it has one, and for its
// algorithm.
func (s *source) with(a assertion) (found []keys.JWK) {
	for _, k := range s.keys {
		if a.kid != "" && a.kid != k.ID && a.kid != k.Thumbprint() {
			continue
		}
		if k.Alg == a.alg || (k.Alg == "" && slices.Contains(k.Algs(), a.alg)) {
			found = append(found, k)
		}
	}
	return found
}

// readSet reads a JWK Set (RFC 7517 §5). Keys that cannot be used are passed
// over, as it wants it; so are private ones, which are nobody's proof any more.
func readSet(text []byte) (all []keys.JWK, err error) {
	members, err := keys.Object(text)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(members["keys"], &list); err != nil || list == nil {
		return nil, errors.New("there is no JWK Set")
	}
	if len(list) > maxSourceKeys {
		return nil, fmt.Errorf("there are %d keys in it, at most %d are possible", len(list), maxSourceKeys)
	}
	var first error // that says why there is none
	for _, one := range list {
		k, err := keys.FromJWK(one)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		all = append(all, k)
	}
	switch {
	case len(all) > 0:
		return all, nil
	case first != nil:
		return nil, fmt.Errorf("there is no key in it that can be used: of the first, %w", first)
	}
	return nil, errors.New("there is no key in it")
}
