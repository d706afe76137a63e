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
	made, value, err := c.authority.CreateClient(c.Context(), c.principal, authority.NewClient{
		Name: in.Name, Scopes: in.Scopes, NoSecret: in.NoSecret, Proof: ProofOf(in.ClientProof),
	})
	return c.issued(made, value), err
}

func (s *Server) rotateClient(c *call, in api.ClientRotation) (any, error) {
	return s.equipClient(c, api.ClientCredentials{ClientRotation: in, Secret: true})
}

func (s *Server) equipClient(c *call, in api.ClientCredentials) (any, error) {
	seconds := int64(api.ClientGrace / time.Second)
	if in.GraceSeconds != nil {
		seconds = *in.GraceSeconds
	}
	if most := int64(api.MaxClientGrace / time.Second); seconds < 0 || seconds > most {
		return nil, invalid(api.TypeInvalidValue, "graceSeconds must be from 0 to %d.", most)
	}
	rotated, value, err := c.authority.RotateClient(c.Context(), c.principal, c.PathValue("clientId"), authority.ClientRotation{
		Secret: in.Secret, Proof: ProofOf(in.ClientProof), Grace: time.Duration(seconds) * time.Second,
		EndSecrets: in.EndSecrets, EndKeys: in.EndKeys, EndCertificates: in.EndCertificates,
	})
	return c.issued(rotated, value), err
}

// ProofOf is what authority takes of a request.
func ProofOf(in api.ClientProof) authority.ClientProof {
	out := authority.ClientProof{PublicKeyPEM: in.PublicKeyPEM, Alg: in.Alg, CertificatePEM: in.CertificatePEM}
	if in.Subject != nil {
		out.Subject = authority.Subject(*in.Subject)
	}
	return out
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
	for _, k := range c.Keys {
		switch {
		case !k.Live(now):
		case k.Public != "":
			body.Keys = append(body.Keys, api.ClientKey{KID: k.ID, Alg: k.Alg, CreatedAt: k.Created, ExpiresAt: k.Expires})
		default:
			body.Certificates = append(body.Certificates, api.ClientCertificate{
				ID: k.ID, ThumbprintS256: k.Fingerprint, Subject: SubjectBody(k.Subject), CreatedAt: k.Created, ExpiresAt: k.Expires,
			})
		}
	}
	return body
}
