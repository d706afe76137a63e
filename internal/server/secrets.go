package server

import (
	"net/http"
	"regexp"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

func (s *Server) addSecret(c *call, in api.SecretRequest) (any, error) {
	return c.addSecret(in, "")
}

// secretID is the form of an id that a client makes.
var secretID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
})

// putSecret answers 200 when the same secret is there already: the request was
// a repetition.
func (s *Server) putSecret(c *call, in api.SecretRequest) (any, error) {
	id := c.PathValue("secretId")
	switch {
	case !secretID().MatchString(id):
		return nil, invalid(api.TypeInvalidValue, "The id of a secret must be a UUID in lower case, not %q.", id)
	case in.SecretValue.IsZero():
		return nil, invalid(api.TypeInvalidValue, "secretValue is required: a PUT names the secret and its value.")
	}
	return c.addSecret(in, id)
}

func (c *call) addSecret(in api.SecretRequest, id string) (any, error) {
	add, err := c.newSecret(in, id)
	if err != nil {
		return nil, err
	}
	made, value, err := c.authority.AddSecret(c.Context(), c.principal, add)
	if err != nil {
		return nil, err
	}
	if made.Again {
		c.status = http.StatusOK
	}
	c.header.Set("Location", c.base+api.PathSecret(made.AgentID, made.ID))
	body := secretBody(made)
	body.SecretValue = value
	return body, nil
}

// newSecret checks the shape of a request for a secret.
func (c *call) newSecret(in api.SecretRequest, id string) (authority.NewSecret, error) {
	how := addition{expires: in.ExpiresAt, revoke: in.Revoke, idName: "secretId"}
	if p := in.Previous; p != nil {
		how.previous = &authority.Retire{ID: p.SecretID, Expires: p.ExpiresAt}
	}
	n, err := c.rotation(how)
	return authority.NewSecret{
		AgentID: n.AgentID, ID: id, Value: in.SecretValue, Expires: n.Expires, Previous: n.Previous, Revoke: n.Revoke, Latest: n.Latest,
	}, err
}

func (s *Server) listSecrets(c *call) (any, error) {
	secrets, err := c.authority.Secrets(c.Context(), c.PathValue("id"))
	list := api.SecretList{Count: len(secrets), List: make([]api.Secret, len(secrets))}
	for i, sec := range secrets {
		list.List[i] = secretBody(sec)
	}
	return list, err
}

func (s *Server) getSecret(c *call) (any, error) {
	sec, err := c.authority.Secret(c.Context(), c.PathValue("id"), c.PathValue("secretId"))
	return secretBody(sec), err
}

func (s *Server) expireSecret(c *call, in api.SecretChange) (any, error) {
	end, err := newEnd(in.ExpiresAt)
	if err != nil {
		return nil, err
	}
	sec, err := c.authority.ExpireSecret(c.Context(), c.principal, c.PathValue("id"), c.PathValue("secretId"), end)
	return secretBody(sec), err
}

func (s *Server) revokeSecret(c *call) (any, error) {
	newest, err := latest(c.Header)
	if err != nil {
		return nil, err
	}
	return nil, c.authority.RevokeSecret(c.Context(), c.principal, c.PathValue("id"), c.PathValue("secretId"), newest)
}

// secretBody is the metadata of a secret on the wire.
func secretBody(sec authority.Secret) api.Secret {
	body := api.Secret{
		SecretID:  sec.ID,
		ExpiresAt: sec.Expires,
		CreatedAt: sec.Created,
		Status:    api.Status(sec.Status),
		Latest:    sec.Latest,
		Hint:      sec.Hint,
		CreatedBy: sec.Creator,
	}
	if !sec.FirstUsed.IsZero() {
		body.FirstUsedAt = sec.FirstUsed.UnixMilli()
	}
	if !sec.LastUsed.IsZero() {
		body.LastUsedAt = sec.LastUsed.UnixMilli()
	}
	return body
}
