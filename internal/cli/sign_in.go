package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// proofFiles name what somebody signs in with who has no secret.
type proofFiles struct {
	PrivateKey string
	Alg        string // of assertions; "": the default of the key
	ClientCert string
	ClientKey  string
}

// given reports whether there is any.
func (p proofFiles) given() bool {
	return p.PrivateKey != "" || p.ClientCert != "" || p.ClientKey != ""
}

// read reads the files. Errors show nothing of a key.
func (p proofFiles) read() (client.Proof, error) {
	if p.PrivateKey != "" {
		text, err := os.ReadFile(p.PrivateKey)
		if err != nil {
			return nil, hint(fmt.Errorf("read the private key: %w", err), "--private-key-file names a file with the private key in PEM")
		}
		proof, err := client.KeyProof(secret.New(string(text)), p.Alg)
		switch {
		case err != nil && p.Alg != "":
			return nil, hint(fmt.Errorf("use the private key in %s: %w", p.PrivateKey, err), "leave --alg out, or give the one that the key is registered for")
		case err != nil:
			return nil, hint(fmt.Errorf("use the private key in %s: %w", p.PrivateKey, err), "--private-key-file names a file with the private key in PEM, not encrypted")
		}
		return proof, nil
	}
	chain, err := os.ReadFile(p.ClientCert)
	if err != nil {
		return nil, hint(fmt.Errorf("read the certificate: %w", err), "--client-cert names a file with the certificate in PEM")
	}
	key, err := os.ReadFile(p.ClientKey)
	if err != nil {
		return nil, hint(fmt.Errorf("read the key of the certificate: %w", err), "--client-key names a file with the private key in PEM")
	}
	proof, err := client.CertificateProof(string(chain), secret.New(string(key)), time.Now())
	switch {
	case client.OfKey(err):
		return nil, hint(fmt.Errorf("use the private key in %s: %w", p.ClientKey, err), "--client-key names a file with the private key of the certificate in PEM, not encrypted")
	case err != nil:
		return nil, hint(fmt.Errorf("use the certificate in %s: %w", p.ClientCert, err), "--client-cert names a file with the certificate in PEM, and those above it behind it")
	}
	return proof, nil
}

// signIn gets a token at the token endpoint of the server.
func signIn(ctx context.Context, t tokenFlags, proof client.Proof) (client.AgentToken, error) {
	web, err := trusting(t.CA)
	if err != nil {
		return client.AgentToken{}, err
	}
	c, err := client.New(client.Config{BaseURL: t.Endpoint, Transport: web, MaxRetries: -1})
	if err != nil {
		return client.AgentToken{}, &hinted{error: err, hint: "give another --endpoint", code: exitUsage}
	}
	told, err := c.Metadata(ctx)
	if err != nil {
		return client.AgentToken{}, hintPlace(err)
	}
	if t.files.ClientCert != "" && strings.HasPrefix(c.BaseURL(), "http:") {
		return client.AgentToken{}, &hinted{
			error: errors.New("a certificate is shown when a connection is made by tls, and " + c.BaseURL() + " has none"), hint: "give an https --endpoint", code: exitUsage,
		}
	}
	token, err := c.AgentToken(ctx, client.AgentLogin{AgentID: t.id(), Proof: proof, Scopes: t.Scopes, Audiences: t.Audiences})
	if refusal, ok := errors.AsType[*api.Error](err); ok {
		return client.AgentToken{}, t.refusedBy(told.TokenEndpoint, refusal)
	}
	return token, hintPlace(err)
}

// hintPlace says what to do about an error that is not the word of a server.
func hintPlace(err error) error {
	there, elsewhere := errors.AsType[*client.ElsewhereError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case err == nil:
		return nil
	case elsewhere:
		return hint(there, "if that is the same server, name it with --endpoint %s", printable(there.There))
	case errors.Is(err, client.ErrNoMetadata):
		return hint(err, "does --endpoint name the server itself?")
	case unknown:
		return hint(err, "name the CA of the server with --ca-certificate")
	}
	return hint(err, "is the server there? --endpoint names it")
}

// hints tell what can be done about an error of a token endpoint.
var hints = map[api.Code]string{
	"invalid_client":          "is this the right id, and a secret, key or certificate of it that is neither expired nor revoked? the agent may be blocked; the audit of the server has the reason",
	"unauthorized_client":     "the agent may not sign in in this way",
	"invalid_scope":           "ask for fewer scopes with --scope",
	"invalid_target":          "ask for an --audience that the agent has, or for none",
	"temporarily_unavailable": "try again later",
}

// refusedBy says why the token endpoint gave no token (RFC 6749 §5.2).
func (t tokenFlags) refusedBy(at string, refusal *api.Error) error {
	text := fmt.Sprintf("the server answered %d", refusal.Status)
	if refusal.Code != "" {
		text += " " + printable(string(refusal.Code))
	}
	if words := strings.TrimSuffix(refusal.Message, string(refusal.Code)); strings.Trim(words, ": ") != "" {
		text += " (" + printable(strings.TrimSuffix(words, ": ")) + ")"
	}
	advice := hints[refusal.Code]
	switch {
	case refusal.Status == http.StatusTooManyRequests:
		advice = "there were too many failures"
		if refusal.RetryAfter > 0 {
			advice += fmt.Sprintf(": try again in %d seconds", int64(refusal.RetryAfter/time.Second))
		}
	case refusal.Status/100 == 3:
		advice = "redirects are not followed: name the server itself with --endpoint"
	case advice == "":
		advice = "does --endpoint name the server?"
	}
	return hint(fmt.Errorf("sign in as %s at %s: %s", t.who(), at, text), "%s", advice)
}

// trusting is a transport that trusts the CAs in a file; "" means those of the
// system.
func trusting(file string) (*http.Transport, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, hint(fmt.Errorf("read the CA certificates: %w", err), "--ca-certificate names a file in PEM")
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, hint(fmt.Errorf("%s has no certificate in PEM", file), "--ca-certificate names a file in PEM")
		}
	}
	return &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg, ForceAttemptHTTP2: true}, nil
}

// printable keeps what a server sends from controlling a terminal.
func printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(clean) > 300 {
		clean = strings.ToValidUTF8(clean[:300], "") + "…"
	}
	return clean
}
