package embedded_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
)

// csr is a request for a certificate, for a new key.
func csr(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func sign(t *testing.T, c *client.Client, agentID string) (api.Certificate, error) {
	t.Helper()
	return c.AddCertificate(t.Context(), agentID, api.CertificateRequest{CSRPEM: csr(t)})
}

// verify checks that a certificate is the agent's, and holds under its chain.
func verify(t *testing.T, made api.Certificate, agentID string) {
	t.Helper()
	block, _ := pem.Decode([]byte(made.CertificatePEM))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(made.CAChainPEM)) {
		t.Fatalf("there is no chain in %+v", made)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != "spiffe://localhost/agent/"+agentID {
		t.Errorf("the certificate names %v", leaf.URIs)
	}
}

// The first certificate makes a CA and the key that wraps it, and nothing
// before it does. Of several at once, all use the same.
func TestCA(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	c := open(t, embedded.Config{Path: path})
	if srv, err := c.Server(t.Context()); err != nil || !srv.Certificates {
		t.Errorf("before there is a store: %+v, %v", srv, err)
	}
	if _, err := sign(t, c, nobody); err == nil {
		t.Error("nobody got a certificate")
	}
	var agents []api.Agent
	for range 4 {
		agents = append(agents, create(t, c))
	}
	if _, err := os.Stat(path + ".key"); err == nil {
		t.Error("there is a seal key before it is needed")
	}
	var chains sync.Map
	var done sync.WaitGroup
	for _, a := range agents {
		other := open(t, embedded.Config{Path: path})
		done.Go(func() {
			made, err := sign(t, other, a.ID)
			if err != nil {
				t.Error(err)
				return
			}
			verify(t, made, a.ID)
			chains.Store(made.CAChainPEM, true)
		})
	}
	done.Wait()
	cas := 0
	chains.Range(func(any, any) bool { cas++; return true })
	if cas != 1 {
		t.Errorf("there are %d CAs", cas)
	}
	if info, err := os.Stat(path + ".key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the seal key: %v, %v", info, err)
	}
}

// Without the file of its seal key, or with another, a store signs nothing: it
// is never given a new key.
func TestCA_sealKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	c := open(t, embedded.Config{Path: path})
	a := create(t, c)
	if _, err := sign(t, c, a.ID); err != nil {
		t.Fatal(err)
	}
	stranger := filepath.Join(t.TempDir(), "other.db")
	other := open(t, embedded.Config{Path: stranger})
	if _, err := sign(t, other, create(t, other).ID); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"missing": func() error { return os.Remove(path + ".key") },
		"another": func() error { return os.Rename(stranger+".key", path+".key") },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_, err := sign(t, open(t, embedded.Config{Path: path}), a.ID)
		if err == nil || !strings.Contains(err.Error(), path+".key") || !strings.Contains(err.Error(), "not the one of this store") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path + ".key"); (err == nil) != (name == "another") {
			t.Errorf("%s: the file is now: %v", name, err)
		}
	}
	if _, err := open(t, embedded.Config{Path: path}).AddSecret(t.Context(), a.ID, api.SecretRequest{}); err != nil {
		t.Errorf("a secret needs no seal key: %v", err)
	}
}
