package apitest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// newKey is a request for a key that nobody has.
func (s *suite) newKey(adjust ...func(*api.KeyRequest)) api.KeyRequest {
	s.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	s.ok("GenerateKey", err)
	text := fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, base64.RawURLEncoding.EncodeToString(public))
	req := api.KeyRequest{JWK: json.RawMessage(text)}
	for _, fn := range adjust {
		fn(&req)
	}
	return req
}

// mustKey adds a key under a kid.
func (s *suite) mustKey(agentID, kid, ifMatch string, adjust ...func(*api.KeyRequest)) api.Key {
	s.Helper()
	k, err := s.c.PutKey(s.Context(), agentID, kid, s.newKey(adjust...), ifMatch)
	s.ok("PutKey", err)
	return k
}

// keyStatus reads the status of a key.
func (s *suite) keyStatus(agentID, kid string) api.Status {
	s.Helper()
	k, err := s.c.Key(s.Context(), agentID, kid)
	s.ok("Key", err)
	return k.Status
}

func addKey(s *suite) {
	id, req, end := s.bare().ID, s.newKey(), s.after(time.Hour)
	req.ExpiresAt = end
	made, err := s.c.AddKey(s.Context(), id, req)
	s.ok("AddKey", err)
	equal(s, "kid", made.KID, made.Thumbprint)
	equal(s, "alg", made.Alg, "EdDSA")
	equal(s, "jwk", string(made.JWK), string(req.JWK))
	equal(s, "status", made.Status, api.Active)
	equal(s, "latest", made.Latest, true)
	equal(s, "expiresAt", made.ExpiresAt, end)
	equal(s, "createdBy", made.CreatedBy, s.srv.Principal)
	read, err := s.c.Key(s.Context(), id, made.KID)
	s.ok("Key", err)
	equal(s, "read again", encode(s, read), encode(s, made))
	_, err = s.c.Key(s.Context(), id, "unknown")
	s.gone("an unknown key", err)
	for name, bad := range map[string]func(*api.KeyRequest){
		"a private key":  func(r *api.KeyRequest) { r.JWK = json.RawMessage(`{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}`) },
		"no key":         func(r *api.KeyRequest) { r.JWK = nil },
		"two keys":       func(r *api.KeyRequest) { r.PublicKeyPEM = "x" },
		"another alg":    func(r *api.KeyRequest) { r.Alg = "RS256" },
		"a past end":     func(r *api.KeyRequest) { r.ExpiresAt = 1 },
		"an open http":   func(r *api.KeyRequest) { r.JWK, r.JWKSURI = nil, "http://jwks.example" },
		"no end of old":  func(r *api.KeyRequest) { r.Previous = &api.RetireKey{KID: made.KID} },
		"nobody revoked": func(r *api.KeyRequest) { r.Revoke = []string{""} },
	} {
		_, err = s.c.AddKey(s.Context(), id, s.newKey(bad))
		if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 {
			s.Errorf("%s = %v, want a 400", name, err)
		}
	}
}

// putKey sends the same twice: the second time changes nothing.
func putKey(s *suite) {
	id, req := s.bare().ID, s.newKey()
	first, err := s.c.PutKey(s.Context(), id, "mine", req, client.NoSecretYet)
	s.ok("PutKey", err)
	equal(s, "kid", first.KID, "mine")
	for _, ifMatch := range []string{"", client.NoSecretYet, "other"} {
		again, err := s.c.PutKey(s.Context(), id, "mine", req, ifMatch)
		s.ok("PutKey again", err)
		equal(s, "the same again", encode(s, again), encode(s, first))
	}
	other := s.mustKey(id, "other", "")
	req.Claim = true
	claimed, err := s.c.PutKey(s.Context(), id, "mine", req, "")
	s.ok("PutKey that claims", err)
	equal(s, "claimed status", claimed.Status, api.Active)
	equal(s, "claimed latest", claimed.Latest, true)
	if claimed.CreatedAt <= other.CreatedAt {
		s.Errorf("the claimed key is of %d, the one before it of %d", claimed.CreatedAt, other.CreatedAt)
	}
	_, err = s.c.PutKey(s.Context(), id, "mine", s.newKey(), "")
	s.refused("another key under the kid", err, api.ErrUsedID)
	_, err = s.c.PutKey(s.Context(), id, "other", req, "")
	s.refused("the key under another kid", err, api.ErrUsedID)
	s.ok("RevokeKey", s.c.RevokeKey(s.Context(), id, "mine", ""))
	_, err = s.c.PutKey(s.Context(), id, "mine", req, "")
	s.refused("the same after it was revoked", err, api.ErrUsedID)
	_, err = s.c.PutKey(s.Context(), s.bare().ID, "mine", req, "")
	s.ok("the kid below another agent", err)
}

// rotateKeys: as secrets, and apart from them.
func rotateKeys(s *suite) {
	id, ctx := s.bare().ID, s.Context()
	secretID := s.mustPut(id, client.NoSecretYet).SecretID
	s.mustKey(id, "a", client.NoSecretYet)
	end := s.after(time.Hour)
	_, err := s.c.PutKey(ctx, id, "b", s.newKey(), client.NoSecretYet)
	s.refused("If-None-Match when there is a key", err, api.ErrStale)
	s.mustKey(id, "b", "a", func(r *api.KeyRequest) { r.Previous = &api.RetireKey{KID: "a", ExpiresAt: end} })
	old, err := s.c.Key(ctx, id, "a")
	s.ok("Key", err)
	equal(s, "old status", old.Status, api.Retiring)
	equal(s, "old expiresAt", old.ExpiresAt, end)
	for n := 2; n < s.srv.MaxSecrets; n++ {
		s.mustKey(id, fmt.Sprint("more", n), "")
	}
	_, err = s.c.PutKey(ctx, id, "c", s.newKey(), "")
	s.refused("one more than the limit", err, api.ErrLimit)
	s.mustKey(id, "c", "", func(r *api.KeyRequest) { r.Revoke = []string{"a"} })
	equal(s, "who was revoked", s.keyStatus(id, "a"), api.Revoked)
	s.refused("RevokeKey", s.c.RevokeKey(ctx, id, "b", "b"), api.ErrStale)
	got, err := s.c.ExpireKey(ctx, id, "b", end)
	s.ok("ExpireKey", err)
	equal(s, "moved expiresAt", got.ExpiresAt, end)
	_, err = s.c.ExpireKey(ctx, id, "a", end)
	s.refused("reviving a revoked key", err, api.ErrDead)
	s.gone("RevokeKey", s.c.RevokeKey(ctx, id, "unknown", ""))
	list, err := s.c.Keys(ctx, id)
	s.ok("Keys", err)
	for i, k := range list {
		if k.Latest != (i == 0) || (i > 0 && k.CreatedAt >= list[i-1].CreatedAt) {
			s.Errorf("key %d of the list is %+v", i+1, k)
		}
	}
	equal(s, "the number of keys", len(list), s.srv.MaxSecrets+1)
	equal(s, "the newest", list[0].KID, "c")
	equal(s, "the secret beside", s.status(id, secretID), api.Active)
	s.ok("RevokeAll", s.c.RevokeAll(ctx, id))
	equal(s, "after the panic button", s.keyStatus(id, "c"), api.Revoked)
	_, err = s.c.PutKey(ctx, id, "d", s.newKey(), "")
	s.refused("a key of a revoked agent", err, api.ErrBlocked)
}
