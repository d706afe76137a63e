package authority

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// maxRecent bounds how many are remembered of those who logged in lately: twice
// as many at most, of less than a kilobyte each.
const maxRecent = 8192

// recent remembers what was read of those who logged in lately. It is a guess,
// never a reason: by it a token is prepared, and in the transaction that gives
// the token everything is read, and must be as it was guessed. So a login takes
// one look at the store instead of three. Who fails is never refused by a guess:
// for him everything is read from the beginning.
type recent struct {
	mu         sync.Mutex
	young, old map[string]subject
}

func (r *recent) get(id string) (subject, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.young[id]
	if !ok {
		if s, ok = r.old[id]; ok {
			r.keep(s)
		}
	}
	return s, ok
}

func (r *recent) put(s subject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(s)
}

// keep enters a subject; when there are many, those that were not asked for
// since the last time are forgotten.
func (r *recent) keep(s subject) {
	if len(r.young) >= maxRecent {
		r.young, r.old = nil, r.young
	}
	if r.young == nil {
		r.young = map[string]subject{}
	}
	r.young[s.id] = s
}

func (r *recent) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, id)
	delete(r.old, id)
}

// errGuess says that a guess was wrong.
var errGuess = errors.New("it is no longer as it was remembered")

// signing is a key that signs, ready for use.
type signing struct {
	id     string
	signer jose.Signer
}

// again logs somebody in by what is remembered of him, if anything is and it is
// still so.
func (i *Issuer) again(ctx context.Context, l Login) (Token, bool) {
	s, ok := i.recent.get(l.ID)
	key := i.signs.Load()
	if !ok || key == nil || !l.Assertion.IsZero() || !l.Secret.HasOurShape() {
		return Token{}, false
	}
	p, err := i.verify(ctx, s, l)
	if err != nil || s.refuses(l, p, nil) != "" {
		return Token{}, false
	}
	t, err := i.give(ctx, s, *key, p, l, func(tx store.Tx, present subject) error {
		keys, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		if now, ok := current(keys, i.a.Now()); !ok || now.ID != key.id || !present.like(s) {
			return errGuess
		}
		return nil
	})
	if err != nil {
		i.recent.drop(l.ID)
	}
	return t, err == nil
}

// like reports whether two subjects may do the same. Their secrets may differ:
// whether the one that was shown is live is another question.
func (s subject) like(other subject) bool {
	return s.id == other.id && s.name == other.name && s.title == other.title && s.agent == other.agent &&
		s.epoch == other.epoch && s.blocked == other.blocked && slices.Equal(s.methods, other.methods) &&
		slices.Equal(s.scopes, other.scopes) && slices.Equal(s.audience, other.audience)
}
