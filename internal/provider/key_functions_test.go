package provider_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// TestKeyFunctions: one key has one thumbprint and one JWK, in whatever form it
// comes, and that JWK is the key again.
func TestKeyFunctions(t *testing.T) {
	t.Parallel()
	k := newKeyPair(t)
	var own map[string]string
	if err := json.Unmarshal([]byte(k.jwk), &own); err != nil {
		t.Fatal(err)
	}
	own["kid"], own["alg"] = "mine", "ES256"
	named, _ := json.Marshal(own)
	for form, text := range map[string]string{"PEM": k.public, "JWK": " " + k.jwk, "certificate": k.certificate, "a JWK of its own": string(named)} {
		thumbprint, failed := callFunction(t, "jwk_thumbprint", text)
		if thumbprint != k.kid || failed != "" {
			t.Errorf("%s: jwk_thumbprint is %q, %s; want %q", form, thumbprint, failed, k.kid)
		}
		jwk, failed := callFunction(t, "public_jwk", text)
		again, err := keys.FromJWK([]byte(jwk))
		wantID, wantAlg := k.kid, ""
		if text == string(named) {
			wantID, wantAlg = "mine", "ES256"
		}
		if err != nil || again.Thumbprint() != k.kid || again.ID != wantID || again.Alg != wantAlg || !strings.Contains(jwk, `"use":"sig"`) {
			t.Errorf("%s: public_jwk is %s, %s (%v)", form, jwk, failed, err)
		}
	}
	// RFC 7638 §3.1.
	const rsa = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	if got, failed := callFunction(t, "jwk_thumbprint", rsa); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("the example of RFC 7638: %q, %s", got, failed)
	}
	for text, want := range map[string]string{k.private: "private key", "": "not PEM", `{"kty":"oct","k":"AA"}`: "symmetric", "{": "key is refused"} {
		for _, name := range []string{"jwk_thumbprint", "public_jwk"} {
			if got, failed := callFunction(t, name, text); got != "" || !strings.Contains(failed, want) || len(failed) > 200 {
				t.Errorf("%s of what is none: %q, %q; want %q", name, got, failed, want)
			}
		}
	}
}
