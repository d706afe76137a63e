package apitest

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// put adds a secret with an id and a value of the test's own.
func (s *suite) put(agentID, ifMatch string, adjust ...func(*api.SecretRequest)) (api.Secret, error) {
	s.Helper()
	req := api.SecretRequest{SecretValue: secret.Generate()}
	for _, fn := range adjust {
		fn(&req)
	}
	return s.c.PutSecret(s.Context(), agentID, newID(), req, ifMatch)
}

// mustPut is put that succeeds.
func (s *suite) mustPut(agentID, ifMatch string, adjust ...func(*api.SecretRequest)) api.Secret {
	s.Helper()
	made, err := s.put(agentID, ifMatch, adjust...)
	s.ok("PutSecret", err)
	return made
}

// secrets lists the secrets of an agent, and checks what every list must be:
// newest first, the first the latest, no values.
func (s *suite) secrets(agentID string) []api.Secret {
	s.Helper()
	list, err := s.c.Secrets(s.Context(), agentID)
	s.ok("Secrets", err)
	for i, sec := range list {
		if i > 0 && sec.CreatedAt >= list[i-1].CreatedAt {
			s.Errorf("the list is not newest first: %d after %d", sec.CreatedAt, list[i-1].CreatedAt)
		}
		if sec.Latest != (i == 0) {
			s.Errorf("secret %d of %d: latest = %v", i+1, len(list), sec.Latest)
		}
		if !sec.SecretValue.IsZero() {
			s.Errorf("a list shows the value of %s", sec.SecretID)
		}
	}
	return list
}

// status reads the status of a secret.
func (s *suite) status(agentID, secretID string) api.Status {
	s.Helper()
	sec, err := s.c.Secret(s.Context(), agentID, secretID)
	s.ok("Secret", err)
	return sec.Status
}

// after is a time by the server's clock, in unix seconds.
func (s *suite) after(d time.Duration) int64 {
	s.Helper()
	now, err := s.c.Now(s.Context())
	s.ok("Now", err)
	return now.Add(d).Unix()
}

func retiring(id string, at int64) func(*api.SecretRequest) {
	return func(r *api.SecretRequest) { r.Previous = &api.Retire{SecretID: id, ExpiresAt: at} }
}

func revoking(ids ...string) func(*api.SecretRequest) {
	return func(r *api.SecretRequest) { r.Revoke = ids }
}

func addSecret(s *suite) {
	id := s.bare().ID
	end := s.after(time.Hour)
	made, err := s.c.AddSecret(s.Context(), id, api.SecretRequest{ExpiresAt: end})
	s.ok("AddSecret", err)
	if !made.SecretValue.HasOurShape() {
		s.Error("the server made a secret that is not of our shape")
	}
	equal(s, "hint", made.Hint, made.SecretValue.Hint())
	equal(s, "status", made.Status, api.Active)
	equal(s, "latest", made.Latest, true)
	equal(s, "expiresAt", made.ExpiresAt, end)
	equal(s, "createdBy", made.CreatedBy, s.srv.Principal)
	read, err := s.c.Secret(s.Context(), id, made.SecretID)
	s.ok("Secret", err)
	made.SecretValue = secret.Text{}
	if data, want := encode(s, read), encode(s, made); data != want {
		s.Errorf("read as %s, want %s", data, want)
	}
	_, err = s.c.AddSecret(s.Context(), id, api.SecretRequest{SecretValue: secret.New("short")})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 || e.Code != api.CodeWeakSecret {
		s.Errorf("a weak secret = %v, want a 400 with %s", err, api.CodeWeakSecret)
	}
	_, err = s.c.AddSecret(s.Context(), id, api.SecretRequest{ExpiresAt: 1})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 {
		s.Errorf("a secret that is expired at birth = %v, want a 400", err)
	}
	_, err = s.c.Secret(s.Context(), id, newID())
	s.gone("an unknown secret", err)
}

func encode(s *suite, v any) string {
	s.Helper()
	data, err := api.Encode(v)
	s.ok("Encode", err)
	return string(data)
}

// putSecret sends the same twice: the second time changes nothing.
func putSecret(s *suite) {
	id, secretID := s.bare().ID, newID()
	req := api.SecretRequest{SecretValue: secret.Generate()}
	first, err := s.c.PutSecret(s.Context(), id, secretID, req, client.NoSecretYet)
	s.ok("PutSecret", err)
	equal(s, "secretId", first.SecretID, secretID)
	if !first.SecretValue.IsZero() {
		s.Error("the value that was sent comes back")
	}
	for _, ifMatch := range []string{"", client.NoSecretYet, newID()} {
		again, err := s.c.PutSecret(s.Context(), id, secretID, req, ifMatch)
		s.ok("PutSecret again", err)
		equal(s, "the same again", encode(s, again), encode(s, first))
	}
	equal(s, "the number of secrets", len(s.secrets(id)), 1)
	_, err = s.c.PutSecret(s.Context(), id, secretID, api.SecretRequest{SecretValue: secret.Generate()}, "")
	s.refused("another value under the id", err, api.ErrUsedID)
	s.ok("RevokeSecret", s.c.RevokeSecret(s.Context(), id, secretID, ""))
	_, err = s.c.PutSecret(s.Context(), id, secretID, req, "")
	s.refused("the same after it was revoked", err, api.ErrUsedID)
	_, err = s.c.PutSecret(s.Context(), s.bare().ID, secretID, req, "")
	s.ok("the id below another agent", err)
}

// putSecretOnce lets many rotate at once from the same picture: one wins.
func putSecretOnce(s *suite) {
	id := s.bare().ID
	latest := s.mustPut(id, client.NoSecretYet).SecretID
	const n = 8
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = s.put(id, latest) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, api.ErrStale):
			s.Errorf("who lost was told %v, want %v", err, api.ErrStale)
		}
	}
	equal(s, "how many won", won, 1)
	equal(s, "the number of secrets", len(s.secrets(id)), 2)
}

func limit(s *suite) {
	id := s.bare().ID
	var latest string
	for range s.srv.MaxSecrets {
		latest = s.mustPut(id, "").SecretID
	}
	_, err := s.put(id, "")
	s.refused("one more than the limit", err, api.ErrLimit)
	_, err = s.put(id, "", retiring(latest, s.after(time.Hour)))
	s.refused("one more that lets the others live", err, api.ErrLimit)
	// What the request ends itself does not count.
	next := s.mustPut(id, latest, revoking(latest)).SecretID
	s.mustPut(id, next, retiring(next, s.after(-time.Hour)))
	equal(s, "who was retired in the past", s.status(id, next), api.Expired)
}

func preconditions(s *suite) {
	id := s.bare().ID
	_, err := s.put(id, newID())
	s.refused("If-Match before there is a secret", err, api.ErrStale)
	first := s.mustPut(id, client.NoSecretYet).SecretID
	_, err = s.put(id, client.NoSecretYet)
	s.refused("If-None-Match when there is a secret", err, api.ErrStale)
	second := s.mustPut(id, first).SecretID
	_, err = s.put(id, first, revoking(first))
	s.refused("If-Match of one that is not the newest", err, api.ErrStale)
	s.refused("RevokeSecret", s.c.RevokeSecret(s.Context(), id, first, first), api.ErrStale)
	equal(s, "who was not revoked", s.status(id, first), api.Active)
	s.ok("RevokeSecret", s.c.RevokeSecret(s.Context(), id, first, second))
	s.ok("RevokeSecret", s.c.RevokeSecret(s.Context(), id, second, second))
	_, err = s.put(id, client.NoSecretYet)
	s.refused("If-None-Match when there are dead secrets", err, api.ErrStale)
	s.mustPut(id, second)
}

func rotate(s *suite) {
	id := s.bare().ID
	first := s.mustPut(id, client.NoSecretYet).SecretID
	end := s.after(time.Hour)
	second := s.mustPut(id, first, retiring(first, end))
	old, err := s.c.Secret(s.Context(), id, first)
	s.ok("Secret", err)
	equal(s, "old status", old.Status, api.Retiring)
	equal(s, "old expiresAt", old.ExpiresAt, end)
	equal(s, "old latest", old.Latest, false)
	equal(s, "new status", second.Status, api.Active)
	// A grace is not made longer by another one.
	third := s.mustPut(id, second.SecretID, revoking(second.SecretID), retiring(first, end+3600))
	old, err = s.c.Secret(s.Context(), id, first)
	s.ok("Secret", err)
	equal(s, "old expiresAt", old.ExpiresAt, end)
	equal(s, "who was named in revoke", s.status(id, second.SecretID), api.Revoked)
	list := s.secrets(id)
	equal(s, "the newest", list[0].SecretID, third.SecretID)
	equal(s, "the number of secrets", len(list), 3)
	_, err = s.put(id, "", retiring(newID(), end))
	s.gone("retiring an unknown secret", err)
	_, err = s.put(id, "", revoking(newID()))
	s.gone("revoking an unknown secret", err)
}

func expireSecret(s *suite) {
	id, ctx := s.bare().ID, s.Context()
	made := s.mustPut(id, "").SecretID
	end := s.after(time.Hour)
	for _, want := range []int64{end, end + 60, 0, end} {
		got, err := s.c.ExpireSecret(ctx, id, made, want)
		s.ok("ExpireSecret", err)
		equal(s, "expiresAt", got.ExpiresAt, want)
		equal(s, "status", got.Status, api.Active)
	}
	got, err := s.c.ExpireSecret(ctx, id, made, s.after(-time.Hour))
	s.ok("ExpireSecret", err)
	equal(s, "status", got.Status, api.Expired)
	_, err = s.c.ExpireSecret(ctx, id, made, end)
	s.refused("reviving an expired secret", err, api.ErrDead)
	_, err = s.c.ExpireSecret(ctx, id, newID(), end)
	s.gone("an unknown secret", err)
}

func revokeSecret(s *suite) {
	id, ctx := s.bare().ID, s.Context()
	made := s.mustPut(id, "").SecretID
	for range 2 { // the last one too, and again
		s.ok("RevokeSecret", s.c.RevokeSecret(ctx, id, made, ""))
		equal(s, "status", s.status(id, made), api.Revoked)
	}
	_, err := s.c.ExpireSecret(ctx, id, made, s.after(time.Hour))
	s.refused("reviving a revoked secret", err, api.ErrDead)
	s.gone("RevokeSecret", s.c.RevokeSecret(ctx, id, newID(), ""))
}

// revokeAll is the panic button: nothing works after it until the agent is
// reinstated, and unblocking does not do that.
func revokeAll(s *suite) {
	id, ctx := s.bare().ID, s.Context()
	first, second := s.mustPut(id, "").SecretID, s.mustPut(id, "").SecretID
	for range 2 {
		s.ok("RevokeAll", s.c.RevokeAll(ctx, id))
	}
	a := s.agent(id)
	equal(s, "blocked", a.Blocked(), true)
	if _, err := time.Parse(time.RFC3339, a.Extension.RevokedAt); err != nil {
		s.Errorf("revokedAt: %v", err)
	}
	equal(s, "first secret", s.status(id, first), api.Revoked)
	equal(s, "second secret", s.status(id, second), api.Revoked)
	_, err := s.put(id, second)
	s.refused("a new secret", err, api.ErrBlocked)
	_, err = s.c.PatchAgent(ctx, id, []api.Operation{api.Replace(pathLocked, false)})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.ScimType != api.TypeRevoked {
		s.Errorf("unblocking = %v, want 409 %s", err, api.TypeRevoked)
	}
	back := s.patch(id, api.Operation{Op: "remove", Path: api.AttrRevokedAt})
	equal(s, "blocked after reinstating", back.Blocked(), false)
	equal(s, "revokedAt after reinstating", back.Extension.RevokedAt, "")
	equal(s, "first secret after reinstating", s.status(id, first), api.Revoked)
	s.mustPut(id, second)
}

// secretsOfAgents: the metadata in an agent is that of the list, whether the
// agent is read alone or from a page.
func secretsOfAgents(s *suite) {
	id := s.bare().ID
	first := s.mustPut(id, "").SecretID
	latest := s.mustPut(id, first, retiring(first, s.after(time.Hour)))
	want := encode(s, s.secrets(id))
	a := s.agent(id)
	equal(s, "secrets of the agent", encode(s, a.Extension.Secrets), want)
	equal(s, "lastPasswordUpdateTime", a.System.LastPasswordUpdateTime, strconv.FormatInt(latest.CreatedAt, 10))
	for found, err := range s.c.FindAgents(s.Context(), api.Filter{{Attribute: "id", Op: "eq", Value: id}}) {
		s.ok("FindAgents", err)
		equal(s, "secrets in a page", encode(s, found.Extension.Secrets), want)
	}
}

// creationTimes only grow, however quickly secrets follow each other, and what
// was deleted counts: they are the version of a secret.
func creationTimes(s *suite) {
	id := s.bare().ID
	var last int64
	for range 10 {
		made := s.mustPut(id, "")
		if made.CreatedAt <= last {
			s.Errorf("createdAt %d after %d", made.CreatedAt, last)
		}
		last = made.CreatedAt
		s.ok("RevokeSecret", s.c.RevokeSecret(s.Context(), id, made.SecretID, ""))
	}
	if n := len(s.secrets(id)); n == 0 || n > 20 {
		s.Errorf("the list has %d dead secrets", n)
	}
}
