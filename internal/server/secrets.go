package server

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

func (s *Server) addSecret(c *call, in api.SecretRequest) (any, error) {
	return c.addSecret(in, "")
}

// secretID is the form of an id that a client makes.
var secretID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// putSecret answers 200 when the same secret is there already: the request was
// a repetition.
func (s *Server) putSecret(c *call, in api.SecretRequest) (any, error) {
	id := c.PathValue("secretId")
	switch {
	case !secretID.MatchString(id):
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
	add := authority.NewSecret{AgentID: c.PathValue("id"), ID: id, Value: in.SecretValue, Expires: in.ExpiresAt, Revoke: in.Revoke}
	if err := checkEpoch("expiresAt", in.ExpiresAt); err != nil {
		return add, err
	}
	if slices.Contains(in.Revoke, "") {
		return add, invalid(api.TypeInvalidValue, "revoke names secrets by their ids; one of them is empty.")
	}
	if p := in.Previous; p != nil {
		if p.SecretID == "" || p.ExpiresAt <= 0 {
			return add, invalid(api.TypeInvalidValue, "previous needs a secretId and an expiresAt, in seconds since 1970.")
		}
		if err := checkEpoch("previous.expiresAt", p.ExpiresAt); err != nil {
			return add, err
		}
		add.Previous = &authority.Retire{ID: p.SecretID, Expires: p.ExpiresAt}
	}
	var err error
	add.Latest, err = latest(c.Header)
	return add, err
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
	if in.ExpiresAt == nil {
		return nil, invalid(api.TypeInvalidValue, "expiresAt is required, in seconds since 1970; 0 means never.")
	}
	if err := checkEpoch("expiresAt", *in.ExpiresAt); err != nil {
		return nil, err
	}
	sec, err := c.authority.ExpireSecret(c.Context(), c.principal, c.PathValue("id"), c.PathValue("secretId"), *in.ExpiresAt)
	return secretBody(sec), err
}

func (s *Server) revokeSecret(c *call) (any, error) {
	newest, err := latest(c.Header)
	if err != nil {
		return nil, err
	}
	return nil, c.authority.RevokeSecret(c.Context(), c.principal, c.PathValue("id"), c.PathValue("secretId"), newest)
}

// etag is the one form of an entity tag that is understood: strong, and one.
var etag = regexp.MustCompile(`^"([^"\\,]+)"$`)

// latest reads what the caller takes for the newest secret of the agent: its
// id in If-Match, or none yet in "If-None-Match: *". nil: the caller does not
// care. A form that would mean something else is refused and not guessed at.
func latest(h http.Header) (*string, error) {
	match, none := h.Values("If-Match"), h.Values("If-None-Match")
	switch {
	case len(match)+len(none) == 0:
		return nil, nil //nolint:nilnil // nil means: do not care
	case len(match)+len(none) > 1:
		return nil, invalid(api.TypeInvalidValue, "Only one of If-Match and If-None-Match is possible, once.")
	case len(none) == 1 && none[0] == "*":
		return new(string), nil
	case len(none) == 1:
		return nil, invalid(api.TypeInvalidValue, `If-None-Match can only be *: the agent must have no secret yet.`)
	}
	found := etag.FindStringSubmatch(match[0])
	if found == nil {
		return nil, invalid(api.TypeInvalidValue, `If-Match must be the id of the agent's newest secret in double quotes, and nothing else: neither *, nor a list, nor W/.`)
	}
	return &found[1], nil
}

// maxEpoch is the last second of the year 9999, the last one that RFC 3339 can
// write.
const maxEpoch = 253402300799

func checkEpoch(name string, seconds int64) error {
	if seconds < 0 || seconds > maxEpoch {
		return invalid(api.TypeInvalidValue, "%s must be in seconds since 1970, and not after the year 9999.", name)
	}
	return nil
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
