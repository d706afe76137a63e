package provider

import (
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Environment variables of what the provider signs in with.
const (
	envClientID     = "AGENTCREDS_CLIENT_ID"
	envClientSecret = "AGENTCREDS_CLIENT_SECRET" //nolint:gosec // a name
	envPrivateKey   = "AGENTCREDS_PRIVATE_KEY"   //nolint:gosec // a name
	envKeyAlg       = "AGENTCREDS_PRIVATE_KEY_ALG"
	envCertificate  = "AGENTCREDS_CLIENT_CERTIFICATE"
	envClientKey    = "AGENTCREDS_CLIENT_KEY"
	envToken        = "AGENTCREDS_ACCESS_TOKEN" //nolint:gosec // a name
	envUsername     = "AGENTCREDS_USERNAME"
	envPassword     = "AGENTCREDS_PASSWORD" //nolint:gosec // a name
)

// signIn is what the provider signs in with.
type signIn struct {
	clientID, username     string
	clientSecret, password secret.Text
	token                  secret.Text
	proof                  client.ProofText
}

func (m providerModel) signIn() signIn {
	return signIn{
		clientID: text(m.ClientID, envClientID), clientSecret: secret.New(text(m.ClientSecret, envClientSecret)),
		token:    secret.New(text(m.AccessToken, envToken)),
		username: text(m.Username, envUsername), password: secret.New(text(m.Password, envPassword)),
		proof: client.ProofText{
			PrivateKey: secret.New(text(m.PrivateKey, envPrivateKey)), Alg: text(m.PrivateKeyAlg, envKeyAlg),
			Certificate: text(m.ClientCertificate, envCertificate), Key: secret.New(text(m.ClientKey, envClientKey)),
		},
	}
}

// check refuses what cannot be meant.
func (s signIn) check(endpoint string, diags *diag.Diagnostics) {
	pair := func(one, other bool, first, second string) {
		if one != other {
			diags.AddAttributeError(path.Root(first), "Incomplete sign-in", "`"+first+"` and `"+second+"` are needed together: one of them is missing in the configuration and in the environment.")
		}
	}
	key, cert := !s.proof.PrivateKey.IsZero(), s.proof.Certificate != ""
	pair(cert, !s.proof.Key.IsZero(), "client_certificate", "client_key")
	pair(s.username != "", !s.password.IsZero(), "username", "password")
	switch {
	case key:
		pair(s.clientID != "", true, "private_key", "client_id")
	case cert:
		pair(s.clientID != "", true, "client_certificate", "client_id")
	default:
		pair(s.clientID != "", !s.clientSecret.IsZero(), "client_id", "client_secret")
	}
	if s.proof.Alg != "" && !key {
		diags.AddAttributeError(path.Root("private_key_alg"), "Incomplete sign-in", "`private_key_alg` goes with `private_key`, which is missing in the configuration and in the environment.")
	}
	ways := 0
	for _, set := range []bool{!s.clientSecret.IsZero() || s.clientID != "" && !key && !cert, key, cert, s.username != "", !s.token.IsZero()} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		diags.AddError("More than one way to sign in", "Set only one of `access_token`, `client_id` with `client_secret`, with `private_key`, or with `client_certificate` and `client_key`, "+
			"and `username` with `password`, the environment included.")
	case ways == 0 && endpoint != "":
		diags.AddAttributeError(path.Root("endpoint"), "No way to sign in",
			"The server at "+endpoint+" needs `client_id` with `client_secret`, `private_key` or `client_certificate`, `access_token`, or `username` with `password`, in the configuration or in the environment (AGENTCREDS_…).")
	case cert && strings.HasPrefix(strings.ToLower(endpoint), "http:"):
		diags.AddAttributeError(path.Root("client_certificate"), "Certificate without TLS",
			"A certificate is shown when a connection is made by TLS, and "+endpoint+" has none. Give `serve` a certificate of its own (--tls-cert, or --tls-self-signed on this machine), and set `endpoint` to its https URL.")
	}
}

// nowhere refuses a key or a certificate that was set for the embedded server:
// nobody signs in there. What the environment has is for other configurations.
func (m providerModel) nowhere(endpoint string, diags *diag.Diagnostics) {
	if endpoint != "" {
		return
	}
	for name, value := range map[string]types.String{"private_key": m.PrivateKey, "client_certificate": m.ClientCertificate, "client_key": m.ClientKey} {
		if !value.IsNull() {
			diags.AddAttributeError(path.Root(name), "Nobody signs in to the embedded server",
				"`"+name+"` is for a server, and `endpoint` is not set. Whoever can write the file of the embedded server is its administrator: leave `"+name+"` out, or set `endpoint`.")
		}
	}
}

// auth is nil for the embedded server.
func (s signIn) auth() (client.Auth, error) {
	switch {
	case s.username != "":
		return client.Basic(s.username, s.password), nil
	case !s.token.IsZero():
		return client.BearerToken(s.token), nil
	case !s.clientSecret.IsZero():
		return client.ClientCredentials(s.clientID, s.clientSecret), nil
	}
	proof, err := s.proof.Read(time.Now())
	if err != nil {
		return nil, err
	}
	return client.SignIn(s.clientID, proof), nil
}
