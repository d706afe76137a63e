package server

import (
	"encoding/json"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

func (s *Server) addKey(c *call, in api.KeyRequest) (any, error) { return c.addKey(in, "") }

// putKey answers 200 when the same key is there already: the request was a
// repetition.
func (s *Server) putKey(c *call, in api.KeyRequest) (any, error) {
	return c.addKey(in, c.PathValue("kid"))
}

func (c *call) addKey(in api.KeyRequest, kid string) (any, error) {
	add := authority.NewPublicKey{
		ID: kid, Alg: in.Alg, PEM: in.PublicKeyPEM, JWK: in.JWK, CertificatePEM: in.CertificatePEM, Source: in.JWKSURI,
	}
	how := addition{expires: in.ExpiresAt, revoke: in.Revoke, idName: "kid"}
	if p := in.Previous; p != nil {
		how.previous = &authority.Retire{ID: p.KID, Expires: p.ExpiresAt}
	}
	var err error
	if add.Rotation, err = c.rotation(how); err != nil {
		return nil, err
	}
	add.Claim = in.Claim
	made, err := c.authority.AddPublicKey(c.Context(), c.principal, add)
	if err != nil {
		return nil, err
	}
	if made.Again {
		c.status = http.StatusOK
	}
	c.header.Set("Location", c.base+api.PathKey(made.AgentID, made.ID))
	return keyBody(made), nil
}

func (s *Server) listKeys(c *call) (any, error) {
	found, err := c.authority.PublicKeys(c.Context(), c.PathValue("id"))
	list := api.KeyList{Count: len(found), List: make([]api.Key, len(found))}
	for i, k := range found {
		list.List[i] = keyBody(k)
	}
	return list, err
}

func (s *Server) getKey(c *call) (any, error) {
	k, err := c.authority.PublicKey(c.Context(), c.PathValue("id"), c.PathValue("kid"))
	return keyBody(k), err
}

func (s *Server) expireKey(c *call, in api.KeyChange) (any, error) {
	end, err := newEnd(in.ExpiresAt)
	if err != nil {
		return nil, err
	}
	k, err := c.authority.ExpirePublicKey(c.Context(), c.principal, c.PathValue("id"), c.PathValue("kid"), end)
	return keyBody(k), err
}

func (s *Server) revokeKey(c *call) (any, error) {
	newest, err := latest(c.Header)
	if err != nil {
		return nil, err
	}
	return nil, c.authority.RevokePublicKey(c.Context(), c.principal, c.PathValue("id"), c.PathValue("kid"), newest)
}

// keyBody is a key on the wire.
func keyBody(k authority.PublicKey) api.Key {
	body := api.Key{
		KID:       k.ID,
		Alg:       k.Alg,
		JWKSURI:   k.Source,
		ExpiresAt: k.Expires,
		CreatedAt: k.Created,
		Status:    api.Status(k.Status),
		Latest:    k.Latest,
		CreatedBy: k.Creator,
	}
	if k.Public != "" {
		body.JWK, body.Thumbprint = json.RawMessage(k.Public), k.Thumbprint
	}
	if !k.FirstUsed.IsZero() {
		body.FirstUsedAt = k.FirstUsed.UnixMilli()
	}
	if !k.LastUsed.IsZero() {
		body.LastUsedAt = k.LastUsed.UnixMilli()
	}
	return body
}
