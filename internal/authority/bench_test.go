package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

const (
	benchRounds = 7                     // at least; what is told is their median
	benchRound  = 40 * time.Millisecond // of either
)

// BenchmarkAssertion verifies assertions of each algorithm as a login does, but
// for its audit entry: it reads and judges the text, looks the agent's key up in
// the store and verifies the signature. Beside it, in turns, the crypto package
// alone verifies the same signature: nothing can be faster.
func BenchmarkAssertion(b *testing.B) {
	for _, alg := range []string{"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			verify, raw := asserted(b, alg)
			var ours, limit, share []float64
			round := func() {
				o, l := rateOf(b, verify), rateOf(b, raw)
				ours, limit, share = append(ours, o), append(limit, l), append(share, 100*o/l)
			}
			for b.Loop() {
				round()
			}
			for len(ours) < benchRounds {
				round()
			}
			b.ReportMetric(0, "ns/op") // of a round, which says nothing
			b.ReportMetric(middle(ours), "assertions/s")
			b.ReportMetric(middle(limit), "raw-verify/s")
			b.ReportMetric(middle(share), "%-of-raw")
		})
	}
}

func middle(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }

// rateOf is how often in a second something can be done.
func rateOf(b *testing.B, do func() error) float64 {
	b.Helper()
	began, times := time.Now(), 0
	for time.Since(began) < benchRound {
		if err := do(); err != nil {
			b.Fatal(err)
		}
		times++
	}
	return float64(times) / time.Since(began).Seconds()
}

// asserted is an agent with a key and an assertion of it, and what verifies it:
// ours, and the crypto package.
func asserted(b *testing.B, alg string) (verify, raw func() error) {
	b.Helper()
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "agents.db"), Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	a, err := New(Config{Store: s})
	if err != nil {
		b.Fatal(err)
	}
	const here = "https://auth.example"
	i, err := NewIssuer(IssuerConfig{Authority: a, URL: here, Seal: func() (secret.SealKey, error) { return secret.SealKey{}, nil }})
	if err != nil {
		b.Fatal(err)
	}
	admin := Principal{Name: "bench", Scopes: []string{AllScopes}}
	agent, _, err := a.CreateAgent(b.Context(), admin, NewAgent{})
	if err != nil {
		b.Fatal(err)
	}
	key := keyFor(b, alg)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	public, err := a.AddPublicKey(b.Context(), admin, NewPublicKey{
		Rotation: Rotation{AgentID: agent.ID}, Alg: alg, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	})
	if err != nil {
		b.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.RegisteredClaims{
		Issuer: agent.ID, Subject: agent.ID, Audience: jwt.ClaimStrings{here}, ID: rand.Text(), ExpiresAt: jwt.NewNumericDate(time.Now().Add(50 * time.Minute)),
	})
	token.Header["kid"] = public.ID
	text, err := token.SignedString(key)
	if err != nil {
		b.Fatal(err)
	}
	l := Login{ID: agent.ID, Assertion: secret.New(text), Method: PrivateKeyJWT}
	verify = func() error {
		var who subject
		err := s.View(b.Context(), func(r store.Reader) (err error) {
			who, err = i.read(r, l.ID)
			return err
		})
		if err != nil {
			return err
		}
		p, err := i.verifyAssertion(b.Context(), who, l)
		if err == nil && p.none() {
			err = fmt.Errorf("it is not good")
		}
		return err
	}
	at := strings.LastIndexByte(text, '.')
	signature, err := base64.RawURLEncoding.DecodeString(text[at+1:])
	if err != nil {
		b.Fatal(err)
	}
	return verify, rawVerify(b, alg, key.Public(), []byte(text[:at]), signature)
}

func keyFor(b *testing.B, alg string) (key crypto.Signer) {
	b.Helper()
	var err error
	switch alg {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// rawVerify is what the crypto packages do, the digest included.
func rawVerify(b *testing.B, alg string, public crypto.PublicKey, text, signature []byte) func() error {
	b.Helper()
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	digest := func() []byte {
		h := hash.New()
		h.Write(text)
		return h.Sum(nil)
	}
	wrong := fmt.Errorf("the signature of %s is wrong", alg)
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return func() error {
			if !ecdsa.Verify(k, digest(), r, s) {
				return wrong
			}
			return nil
		}
	case *rsa.PublicKey:
		if strings.HasPrefix(alg, "PS") {
			return func() error { return rsa.VerifyPSS(k, hash, digest(), signature, nil) }
		}
		return func() error { return rsa.VerifyPKCS1v15(k, hash, digest(), signature) }
	case ed25519.PublicKey:
		return func() error {
			if !ed25519.Verify(k, text, signature) {
				return wrong
			}
			return nil
		}
	}
	b.Fatalf("no key for %s", alg)
	return nil
}
