package authority

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// FuzzKeySet: what is read of a jwks_uri are a few public keys, which written as
// a set again are the same.
func FuzzKeySet(f *testing.F) {
	const ed = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	f.Add([]byte(`{"keys":[` + ed + `,"kid":"a"},` + ed + `,"d":"AA"},{}]}`))
	f.Add([]byte(`{"keys":[],"keys":[` + ed + `}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := readSet(text)
		if err != nil {
			if len(set) > 0 {
				t.Errorf("keys come with the error %v", err)
			}
			return
		}
		if len(set) == 0 || len(set) > maxSourceKeys {
			t.Errorf("there are %d keys", len(set))
		}
		var again struct {
			Keys []json.RawMessage `json:"keys"`
		}
		for _, k := range set {
			again.Keys = append(again.Keys, k.JWK())
		}
		second, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		back, err := readSet(second)
		if err != nil || len(back) != len(set) {
			t.Fatalf("%s is read as %d keys, %v", second, len(back), err)
		}
		for n, k := range back {
			if k.Thumbprint() != set[n].Thumbprint() {
				t.Errorf("key %d is another", n)
			}
		}
	})
}

// FuzzChain: what is kept of the file of a CA are certificates, each signed by the
// next, and nothing else of the file.
func FuzzChain(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	f.Add("-----BEGIN CERTIFICATE-----\n" +
		"MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx\nODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG\n" +
		"SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ\n/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID\n" +
		"SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV\nbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := readChain(text)
		if err != nil {
			return
		}
		if len(all) == 0 || len(all) > maxChain {
			t.Errorf("there are %d certificates", len(all))
		}
		var again strings.Builder
		for n, c := range all {
			if n > 0 && all[n-1].CheckSignatureFrom(c.Certificate) != nil {
				t.Errorf("certificate %d did not sign the one before", n)
			}
			again.WriteString(certificatePEM(c.Raw))
		}
		back, err := readChain(again.String())
		if err != nil || len(back) != len(all) {
			t.Errorf("%q is read as %d certificates, %v", again.String(), len(back), err)
		}
		if _, err := keys.FromCertificatePEM([]byte(certificatePEM(all[0].Raw))); err != nil {
			t.Error(err)
		}
	})
}
