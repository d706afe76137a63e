package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// keyFunction is a function of one public key.
type keyFunction struct {
	name, summary, description string
	of                         func(keys.JWK) (string, error)
}

func newJWKThumbprint() function.Function {
	return keyFunction{
		"jwk_thumbprint", "Thumbprint of a public key",
		"Returns the JWK thumbprint of a public key (RFC 7638, SHA-256, base64url): the `kid` that `agentcreds_agent_key` gives a key that has none of its own.",
		func(k keys.JWK) (string, error) { return k.Thumbprint(), nil },
	}
}

func newPublicJWK() function.Function {
	return keyFunction{
		"public_jwk", "Public key as a JWK",
		"Returns a public key as a JWK (RFC 7517), as a JWK Set at a `jwks_uri` has it: with `use` and `kid`, which is the thumbprint unless the key comes as a JWK that has its own; `alg` stays if it was there. " +
			"`public_jwk` of `agentcreds_agent_key` takes it.",
		publicJWK,
	}
}

func publicJWK(k keys.JWK) (string, error) {
	members := map[string]string{} // of a public key all are strings
	if err := json.Unmarshal(k.JWK(), &members); err != nil {
		return "", fmt.Errorf("read a public JWK: %w", err)
	}
	members["use"], members["kid"] = "sig", k.ID
	if k.ID == "" {
		members["kid"] = k.Thumbprint()
	}
	if k.Alg != "" {
		members["alg"] = k.Alg
	}
	text, err := json.Marshal(members)
	return string(text), err
}

func (f keyFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = f.name
}

func (f keyFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: f.summary, MarkdownDescription: f.description,
		Parameters: []function.Parameter{function.StringParameter{
			Name:                "key",
			MarkdownDescription: "The public key: PEM (`PUBLIC KEY`, `RSA PUBLIC KEY`, or a `CERTIFICATE`, of which the key is taken), or a JWK. EC on P-256, P-384 or P-521, RSA from 2048 bits, or Ed25519. A private key is refused.",
		}},
		Return: function.StringReturn{},
	}
}

// Run never repeats the argument: it could be a private key by mistake.
func (f keyFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	k, err := anyPublic([]byte(text))
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, "key is refused: "+err.Error())
		return
	}
	out, err := f.of(k)
	if err != nil {
		resp.Error = function.NewFuncError(err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, out)
}

// anyPublic reads a public key in any form.
func anyPublic(text []byte) (k keys.JWK, err error) {
	switch {
	case strings.HasPrefix(strings.TrimSpace(string(text)), "{"):
		return keys.FromJWK(text)
	case strings.Contains(string(text), "-----BEGIN CERTIFICATE-----"):
		c, err := keys.FromCertificatePEM(text)
		return keys.JWK{Public: c.Public}, err
	default:
		k.Public, err = keys.FromPEM(text)
		return k, err
	}
}
