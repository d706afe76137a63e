package server

import (
	"slices"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func (s *Server) createClient(c *call, in api.ClientRequest) (any, error) {
	if len(in.Scopes) == 0 {
		return nil, invalid(api.TypeInvalidValue, "scopes is required: a management client without scopes can do nothing.")
	}
	for _, scope := range in.Scopes {
		if !slices.Contains(api.Scopes(), scope) {
			return nil, invalid(api.TypeInvalidValue, "There is no scope %.200q; there are %s.", scope, strings.Join(api.Scopes(), ", "))
		}
	}
	made, value, err := c.authority.CreateClient(c.Context(), c.principal, in.Name, in.Scopes)
	return c.issued(made, value), err
}

func (s *Server) rotateClient(c *call, in api.ClientRotation) (any, error) {
	seconds := int64(api.ClientGrace / time.Second)
	if in.GraceSeconds != nil {
		seconds = *in.GraceSeconds
	}
	if most := int64(api.MaxClientGrace / time.Second); seconds < 0 || seconds > most {
		return nil, invalid(api.TypeInvalidValue, "graceSeconds must be from 0 to %d.", most)
	}
	rotated, value, err := c.authority.RotateClient(c.Context(), c.principal, c.PathValue("clientId"), time.Duration(seconds)*time.Second)
	return c.issued(rotated, value), err
}

func (s *Server) deleteClient(c *call) (any, error) {
	return nil, c.authority.DeleteClient(c.Context(), c.principal, c.PathValue("clientId"))
}

func (s *Server) listClients(c *call) (any, error) {
	clients, err := c.authority.Clients(c.Context())
	list := api.ClientList{Count: len(clients), List: make([]api.ManagementClient, len(clients))}
	for i, each := range clients {
		list.List[i] = clientBody(each, c.authority.Now())
	}
	return list, err
}

// issued is a client with the secret that was just made for it.
func (c *call) issued(made authority.Client, value secret.Text) api.ManagementClient {
	body := clientBody(made, c.authority.Now())
	body.ClientSecret = value
	return body
}

// clientBody is what is told of a management client on the wire.
func clientBody(c authority.Client, now time.Time) api.ManagementClient {
	body := api.ManagementClient{
		ClientID: c.ID, Name: c.Name, Scopes: c.Scopes, CreatedAt: c.Created.UnixMilli(), CreatedBy: c.Creator, Secrets: []api.ClientSecret{},
	}
	for _, s := range c.Secrets {
		if s.Live(now) {
			body.Secrets = append(body.Secrets, api.ClientSecret{SecretID: s.ID, Hint: s.Hint, CreatedAt: s.Created, ExpiresAt: s.Expires})
		}
	}
	return body
}
