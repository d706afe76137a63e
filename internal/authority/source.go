package authority

import (
	"context"
	"encoding/json"
	"errors"
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
	// maxSources bounds the memory: a key set has 64 KiB at most.
	maxSources = 1000
)

// sources keeps the key sets that agents publish at their jwks_uri.
type sources struct {
	fetch func(context.Context, string) ([]byte, error) // nil: none is fetched
	now   func() time.Time

	mu  sync.Mutex
	all map[string]*source // by agent and place
}

// source is one key set.
type source struct {
	mu      sync.Mutex // held while it is fetched
	tried   time.Time
	fetched time.Time
	keys    []keys.JWK
	err     error // of the last try
}

// find finds the keys of a set that an assertion can be signed with. A kid that
// is not in the set is looked for in a newer one.
func (s *sources) find(ctx context.Context, c store.Credential, a assertion) ([]candidate, error) {
	if s.fetch == nil {
		return nil, badAssertion("this server fetches no jwks_uri")
	}
	one := s.of(c)
	one.mu.Lock()
	defer one.mu.Unlock()
	now := s.now()
	fresh := !one.fetched.IsZero() && now.Sub(one.fetched) < sourceLife
	if found := one.with(a); fresh && len(found) > 0 {
		return candidatesOf(c, found), nil
	}
	if wait := one.tried.Add(sourceWait); now.Before(wait) {
		if fresh || one.err == nil {
			return nil, badAssertion("its jwks_uri has no key for %s, and is not asked again before %s", namedKey(a.kid), stamp(wait))
		}
		return nil, badAssertion("the keys at its jwks_uri: %v, and they are not asked for again before %s", one.err, stamp(wait))
	}
	one.tried = now
	// Who sends an assertion and goes away must not make the fetch fail for
	// who comes next.
	text, err := s.fetch(context.WithoutCancel(ctx), c.Source)
	var set []keys.JWK
	if err == nil {
		set, err = readSet(text)
	}
	if one.err = err; err != nil {
		return nil, badAssertion("the keys at its jwks_uri: %v", err)
	}
	one.keys, one.fetched = set, now
	found := one.with(a)
	if len(found) == 0 {
		return nil, badAssertion("its jwks_uri has no key for %s", namedKey(a.kid))
	}
	return candidatesOf(c, found), nil
}

func (s *sources) of(c store.Credential) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Of one agent and place, so that no other agent can use up its tries.
	name := c.AgentID + " " + c.ID
	one, ok := s.all[name]
	if !ok {
		if len(s.all) >= maxSources {
			clear(s.all)
		}
		one = &source{}
		s.all[name] = one
	}
	return one
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

// candidatesOf names each of them by the record that says where it is found:
// what revokes that ends what was made with all of them.
func candidatesOf(c store.Credential, found []keys.JWK) (out []candidate) {
	for _, k := range found {
		out = append(out, candidate{c.ID, string(k.JWK())})
	}
	return out
}

// readSet reads a JWK Set (RFC 7517 §5). Keys that cannot be used are passed
// over, as it wants it.
func readSet(text []byte) (all []keys.JWK, err error) {
	members, err := keys.Object(text)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(members["keys"], &list); err != nil || list == nil {
		return nil, errors.New("there is no JWK Set")
	}
	for _, one := range list {
		if k, err := keys.FromJWK(one); err == nil {
			all = append(all, k)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no key in it that can be used")
	}
	return all, nil
}
