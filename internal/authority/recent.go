package authority

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// maxRecent bounds how many are remembered of those who logged in lately: twice
// as many at most, of a kilobyte or two each.
const maxRecent = 8192

// known is somebody as he was read in the transaction that gave him a token.
type known struct {
	subject
	version store.Version // that he was read under; zero: the store tells none
	keys    []ready       // the live keys of an agent that logged in by one; nil: not read
}

// ready is a key of an agent that needs no reading any more.
type ready struct {
	store.Credential
	key any // public
}

// recent remembers what was read of those who logged in lately. It is a guess,
// never a reason: by it a token is prepared, and in the transaction that gives
// the token it holds only if the store says that nothing was changed since, or
// when everything is read again and is as it was guessed. So a login takes one
// look at the store instead of three, and mostly not even that. Who fails is
// never refused by a guess: for him everything is read from the beginning.
type recent struct {
	mu         sync.Mutex
	young, old map[string]known
}

func (r *recent) get(id string) (known, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.young[id]
	if !ok {
		if k, ok = r.old[id]; ok {
			r.keep(k)
		}
	}
	return k, ok
}

func (r *recent) put(k known) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(k)
}

// keep enters somebody; when there are many, those that were not asked for since
// the last time are forgotten.
func (r *recent) keep(k known) {
	if len(r.young) >= maxRecent {
		r.young, r.old = nil, r.young
	}
	if r.young == nil {
		r.young = map[string]known{}
	}
	r.young[k.id] = k
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
	signer signer
	// all are the signing keys that there were under a version, this one among
	// them; none: they are to be read.
	all     []store.SigningKey
	version uint64
}

// again logs somebody in by what is remembered of him, if anything is and it is
// still so.
func (i *Issuer) again(ctx context.Context, l Login) (Token, bool) {
	k, ok := i.recent.get(l.ID)
	key := i.signs.Load()
	if !ok || key == nil || (k.agent && i.a.rules.AgentsByApp) {
		return Token{}, false
	}
	p, err := i.verifyKnown(k, l)
	if err != nil || k.refuses(l, p, nil) != "" {
		return Token{}, false
	}
	t, err := i.give(ctx, k.subject, *key, p, l, &k)
	if err != nil {
		i.recent.drop(l.ID)
	}
	return t, err == nil
}

// verifyKnown finds what is shown among what is remembered. No proof, and no
// error, is that it must be looked for in the store.
func (i *Issuer) verifyKnown(k known, l Login) (proof, error) {
	switch {
	case l.Unfit != "" || l.byCertificate():
		return proof{}, nil
	case !l.Assertion.IsZero():
		return i.verifyByKnown(k, l)
	case !l.Secret.HasOurShape(): // whose digest is slow
		return proof{}, nil
	}
	digests := make([]secret.Digest, len(k.secrets))
	for n, have := range k.secrets {
		digests[n] = have.digest
	}
	if at := secret.Find(k.id, l.Secret, digests); at >= 0 {
		return proof{id: k.secrets[at].id}, nil
	}
	return proof{}, nil
}

// verifyByKnown is verifyAssertion for the keys that are remembered.
func (i *Issuer) verifyByKnown(k known, l Login) (proof, error) {
	if len(k.keys) == 0 {
		return proof{}, nil
	}
	a, err := parseAssertion(l.Assertion.Reveal())
	if err == nil {
		err = a.judge(l.ID, i.audiences, i.a.Now())
	}
	if err != nil {
		return proof{}, err
	}
	for _, c := range k.keys {
		named := a.kid == "" || a.kid == c.ID || a.kid == c.Thumbprint
		if named && c.Alg == a.alg && a.signedBy(c.key) {
			return a.proof(c.ID), nil
		}
	}
	return proof{}, nil
}

// holds reports, for a moment, whether what was shown is still live; that nobody
// has revoked it says the store.
func (k known) holds(p proof, now time.Time) bool {
	if p.kind == store.KeyKind {
		return slices.ContainsFunc(k.keys, func(c ready) bool { return c.ID == p.id && c.Live(now) })
	}
	return p.kind == "" && slices.ContainsFunc(k.secrets, func(d digest) bool { return d.id == p.id && d.live(now) })
}

// versionOf is what the store says of somebody, if it can.
func versionOf(tx store.Tx, id string) store.Version {
	if v, ok := tx.(store.Versioned); ok {
		return v.Version(id)
	}
	return store.Version{}
}

// confirm makes sure, in the transaction that gives a token, that all is as it
// was guessed. Where the store says that nothing was changed, nothing is read.
// It returns what is to be remembered from now on.
func (i *Issuer) confirm(tx store.Tx, guess known, key signing, p proof, l Login) (known, signing, error) {
	v, now := versionOf(tx, guess.id), i.a.Now()
	if v != (store.Version{}) && v == guess.version && v.All == key.version {
		if signs, ok := current(key.all, now); ok && signs.ID == key.id && guess.holds(p, now) {
			return guess, key, nil
		}
		return known{}, signing{}, errGuess
	}
	out, key, err := i.present(tx, guess.subject, key, p, l)
	if err == nil && !out.like(guess.subject) {
		err = errGuess
	}
	return out, key, err
}

// present reads who logs in, and the key that signs, in the transaction that
// takes the login. It makes sure that nothing was revoked since what is shown was
// looked at.
func (i *Issuer) present(tx store.Tx, s subject, key signing, p proof, l Login) (known, signing, error) {
	out := known{version: versionOf(tx, s.id)}
	var err error
	if out.subject, err = i.still(tx, s, p, l); err != nil {
		return known{}, signing{}, err
	}
	if key.all, err = tx.SigningKeys(); err != nil {
		return known{}, signing{}, err
	}
	if signs, ok := current(key.all, i.a.Now()); !ok || signs.ID != key.id {
		return known{}, signing{}, errGuess
	}
	key.version = out.version.All
	if p.kind == store.KeyKind {
		out.keys, err = readyKeys(tx, out.subject, i.a.Now())
	}
	return out, key, err
}

// readyKeys are the live keys of somebody, if all of them are in the store: who
// has some at a jwks_uri, or one that cannot be read, is not remembered with any.
func readyKeys(r store.Reader, s subject, now time.Time) ([]ready, error) {
	found, err := s.credentials(r, store.KeyKind, now, 0)
	if err != nil {
		return nil, err
	}
	out := make([]ready, len(found))
	for n, c := range found {
		var k jose.JSONWebKey
		if good := json.Unmarshal([]byte(c.Public), &k) == nil; !good || c.Source != "" {
			return nil, nil
		}
		out[n] = ready{c, k.Key}
	}
	return out, nil
}

// like reports whether two subjects may do the same. Their secrets may differ:
// whether the one that was shown is live is another question.
func (s subject) like(other subject) bool {
	return s.id == other.id && s.name == other.name && s.title == other.title && s.agent == other.agent &&
		s.epoch == other.epoch && s.blocked == other.blocked && slices.Equal(s.methods, other.methods) &&
		slices.Equal(s.scopes, other.scopes) && slices.Equal(s.audience, other.audience)
}
