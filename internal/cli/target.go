package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Variables with what the provider signs in with, and these commands too.
const (
	accessToken  = "AGENTCREDS_ACCESS_TOKEN"
	clientID     = "AGENTCREDS_CLIENT_ID"
	clientSecret = "AGENTCREDS_CLIENT_SECRET"
	privateKey   = "AGENTCREDS_PRIVATE_KEY"
	keyAlg       = "AGENTCREDS_PRIVATE_KEY_ALG"
	certificates = "AGENTCREDS_CLIENT_CERTIFICATE"
	clientKeyPEM = "AGENTCREDS_CLIENT_KEY"
)

// target is where a command works: on a database itself, or on a server through
// its API.
type target struct {
	directly
	Endpoint string
	CA       string
}

func (t *target) flags(c *cobra.Command, getenv func(string) string) {
	t.flag(c)
	f := c.Flags()
	f.StringVar(&t.Endpoint, "endpoint", "", "`url` of a server to ask instead, with the token in "+accessToken+",\nor as the client in "+clientID+" and "+clientSecret+",\nor "+privateKey+" (as the provider takes them)")
	f.StringVar(&t.CA, "ca-certificate", "", "`file` with CA certificates in PEM to trust instead of the system's")
	fromEnvironment(c, getenv, "database", "endpoint", "ca-certificate")
}

// remote reports whether it is a server. Of a database that is named on the
// command line, and a server that the environment names for the provider, the
// database counts.
func (t *target) remote(c *cobra.Command) (bool, error) {
	database, endpoint := c.Flags().Changed("database"), c.Flags().Changed("endpoint")
	if database && endpoint {
		return false, usage(errors.New("--database and --endpoint exclude each other"))
	}
	return t.Endpoint != "" && !database, nil
}

// dial is the API of the server. needed is the scope that the command needs, which
// is told to who signs in with nothing; a management client signs in for that
// and more, as far as it has them.
func (t *target) dial(getenv func(string) string, needed string, more ...string) (*client.Client, error) {
	web, err := trusting(t.CA)
	if err != nil {
		return nil, err
	}
	cfg := client.Config{BaseURL: t.Endpoint, Transport: web}
	switch {
	case getenv(accessToken) != "":
		cfg.Auth = client.BearerToken(secret.New(getenv(accessToken)))
	case getenv(clientID) != "" && getenv(clientSecret) == "":
		proof, err := t.proof(getenv)
		if err != nil {
			return nil, err
		}
		cfg.Auth = client.SignIn(getenv(clientID), proof, append([]string{needed}, more...)...)
	case getenv(clientID) != "":
		cfg.Auth = client.ClientCredentials(getenv(clientID), secret.New(getenv(clientSecret)), append([]string{needed}, more...)...)
	default:
		return nil, hint(fmt.Errorf("the server at %s needs a token", t.Endpoint),
			"put one with the scope %s into %s, or name a client by %s and %s", needed, accessToken, clientID, clientSecret)
	}
	made, err := client.New(cfg)
	if err != nil {
		return nil, &hinted{error: err, hint: "give another --endpoint, or other variables to sign in with", code: exitUsage}
	}
	return made, nil
}

// proof is the key, or the certificate, that the environment has for the provider
// too.
func (t *target) proof(getenv func(string) string) (client.Proof, error) {
	text := client.ProofText{
		PrivateKey: secret.New(getenv(privateKey)), Alg: getenv(keyAlg), Certificate: getenv(certificates), Key: secret.New(getenv(clientKeyPEM)),
	}
	if !text.Given() {
		return nil, hint(fmt.Errorf("%s is set, and nothing to sign in with", clientID), "set %s, %s, or %s and %s", clientSecret, privateKey, certificates, clientKeyPEM)
	}
	proof, err := text.Read(time.Now())
	if err != nil {
		name, _, _ := strings.Cut(err.Error(), " ")
		return nil, hint(err, "look at AGENTCREDS_%s", strings.ToUpper(name))
	}
	return proof, nil
}
