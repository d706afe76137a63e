package cli

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// assertionLife is how long an assertion is good for: it is used at once, and
// once.
const assertionLife = time.Minute

// assertion says who the agent is, signed with its private key (RFC 7523 §3). It
// names the issuer alone, so that no other server can use it.
func (t tokenFlags) assertion(issuer string, now time.Time) (string, error) {
	text, err := os.ReadFile(t.PrivateKeyFile)
	if err != nil {
		return "", hint(fmt.Errorf("read the private key: %w", err), "--private-key-file names a file with the private key of the agent in PEM")
	}
	private, err := keys.Signer(text)
	if err != nil {
		return "", hint(fmt.Errorf("use the private key in %s: %w", t.PrivateKeyFile, err), "--private-key-file names a file with the private key of the agent in PEM, not encrypted")
	}
	public, err := keys.New(private.Public())
	if err != nil {
		return "", fmt.Errorf("use the private key in %s: %w", t.PrivateKeyFile, err)
	}
	alg, err := public.Alg(t.Alg)
	if err != nil {
		return "", hint(fmt.Errorf("use the private key in %s: %w", t.PrivateKeyFile, err), "leave --alg out, or give the one that the key is registered for")
	}
	opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", public.Thumbprint())
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: private}, opts)
	if err != nil {
		return "", fmt.Errorf("use the private key in %s: %w", t.PrivateKeyFile, err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": t.AgentID, "sub": t.AgentID, "aud": issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("sign with the private key in %s: %w", t.PrivateKeyFile, err)
	}
	return signed.CompactSerialize()
}
