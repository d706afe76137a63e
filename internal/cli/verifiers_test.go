package cli_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// verifiers are foreign programs that verify a token by the published keys, each
// on its own.
var verifiers = map[string]func(o openssl, set []byte, issuer, alg, token string) error{
	"go-jose": byGoJose, "jwx": byJWX, "openssl": byOpenSSL,
}

func byGoJose(_ openssl, set []byte, _, alg, token string) error {
	k, signed, err := namedBy(set, alg, token)
	if err != nil {
		return err
	}
	_, err = signed.Verify(k)
	return err
}

// namedBy is the one key that the token names.
func namedBy(set []byte, alg, token string) (jose.JSONWebKey, *jose.JSONWebSignature, error) {
	var all jose.JSONWebKeySet
	err := json.Unmarshal(set, &all)
	signed, err2 := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err := errors.Join(err, err2); err != nil {
		return jose.JSONWebKey{}, nil, err
	}
	found := all.Key(signed.Signatures[0].Protected.KeyID)
	if len(found) != 1 || found[0].Algorithm != alg || found[0].Use != "sig" {
		return jose.JSONWebKey{}, nil, fmt.Errorf("the keys of that name are %v", found)
	}
	return found[0], signed, nil
}

func byJWX(_ openssl, set []byte, issuer, _, token string) error {
	all, err := jwk.Parse(set)
	if err != nil {
		return err
	}
	_, err = jwt.Parse([]byte(token), jwt.WithKeySet(all), jwt.WithIssuer(issuer), jwt.WithAudience(issuer), jwt.WithRequiredClaim("exp"))
	return err
}

func byOpenSSL(o openssl, set []byte, _, alg, token string) error {
	k, _, err := namedBy(set, alg, token)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(k.Key)
	at := strings.LastIndexByte(token, '.')
	signature, err2 := base64.RawURLEncoding.DecodeString(token[at+1:])
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	o.write("pub.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	o.write("signed", token[:at])
	verify := []string{"dgst", "-sha256", "-verify", "pub.pem", "-signature", "signature", "signed"}
	switch alg {
	case "ES256": // OpenSSL wants it as X.509 does, JOSE has both numbers one behind the other (RFC 7518 §3.4)
		if signature, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])}); err != nil {
			return err
		}
	case "EdDSA":
		verify = []string{"pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "signed", "-sigfile", "signature"}
	}
	o.write("signature", string(signature))
	if out, err := o.run(verify...); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Access tokens of every algorithm verify with two libraries and with OpenSSL by
// the keys that the server publishes; what was changed in them does not.
func TestToken_verifiers(t *testing.T) {
	o := newOpenSSL(t)
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		h := newHouse(t, "--signing-alg", alg)
		id, first := h.newAgent(t, "bot")
		token := h.mustToken(t, id, first)
		set := fetch(t, h.url+"/oauth2/jwks")
		parts := strings.Split(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(claims), id, strings.ToUpper(id), 1)
		forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2]
		for name, verify := range verifiers {
			if err := verify(o, set, h.url, alg, token); err != nil {
				t.Errorf("%s with %s: %v", alg, name, err)
			}
			if err := verify(o, set, h.url, alg, forged); err == nil || changed == string(claims) {
				t.Errorf("%s with %s: a token that was changed verifies", alg, name)
			}
		}
	}
}

// An agent with a shell and OpenSSL, and nothing else, logs in by its key.
func TestOpenSSL_assertions(t *testing.T) {
	o := newOpenSSL(t)
	h := newHouse(t)
	const digest = "dgst -sha256 -sign key.pem -out signature"
	for alg, tt := range map[string]struct{ kind, sign string }{
		"RS256": {"RSA", digest}, "PS256": {"RSA", digest + " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"},
		"RS512": {"RSA", "dgst -sha512 -sign key.pem -out signature"}, "ES256": {"P-256", digest},
		"ES384": {"P-384", "dgst -sha384 -sign key.pem -out signature"}, "ES512": {"P-521", "dgst -sha512 -sign key.pem -out signature"},
		"EdDSA": {"Ed25519", "pkeyutl -sign -inkey key.pem -rawin -out signature -in"},
	} {
		o.must(keyKinds[tt.kind] + " key.pem")
		o.must("pkey -in key.pem -pubout -out pub.pem")
		id, _ := h.newAgent(t, "bot "+alg)
		if _, err := h.client.AddKey(t.Context(), id, api.KeyRequest{PublicKeyPEM: o.read("pub.pem"), Alg: alg}); err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		b64 := base64.RawURLEncoding.EncodeToString
		claims := fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"jti":%q}`, id, id, h.url, time.Now().Add(time.Minute).Unix(), rand.Text())
		text := b64([]byte(`{"alg":"`+alg+`","typ":"client-authentication+jwt"}`)) + "." + b64([]byte(claims))
		o.write("text", text)
		o.must(tt.sign + " text")
		signature := []byte(o.read("signature"))
		if strings.HasPrefix(alg, "ES") {
			signature = oneBehindTheOther(t, signature, map[string]int{"ES256": 32, "ES384": 48, "ES512": 66}[alg])
		}
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {text + "." + b64(signature)},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}
		a := h.postBy(t, "/oauth2/token", form, nil)
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", alg, a.status, a.text)
			continue
		}
		accessToken(t, a.text)
		if a := h.postBy(t, "/oauth2/token", form, nil); !a.refused() {
			t.Errorf("%s, again: %d %s", alg, a.status, a.text)
		}
	}
}

// oneBehindTheOther is a signature of X.509 as JOSE has it (RFC 7518 §3.4).
func oneBehindTheOther(t testing.TB, der []byte, size int) []byte {
	t.Helper()
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 2*size)
	s.R.FillBytes(out[:size])
	s.S.FillBytes(out[size:])
	return out
}
