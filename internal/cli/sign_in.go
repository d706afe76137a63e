package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	// signInTimeout bounds one request.
	signInTimeout = 30 * time.Second
	// maxAnswer is more than any answer of a token endpoint has.
	maxAnswer = 256 << 10
)

// tokenAnswer is RFC 6749 §5.1. Some servers send expires_in as a string, which
// json.Number takes too.
type tokenAnswer struct {
	AccessToken secret.Text `json:"access_token"`
	TokenType   string      `json:"token_type"`
	ExpiresIn   json.Number `json:"expires_in"`
	Scope       string      `json:"scope"`
}

func (a tokenAnswer) lives() int64 {
	n, err := a.ExpiresIn.Int64()
	if err != nil {
		return 0
	}
	return n
}

// signIn gets a token for an agent at the token endpoint of the server: with the
// value, which is its secret, or with its private key.
func signIn(ctx context.Context, t tokenFlags, value secret.Text) (tokenAnswer, error) {
	c, err := client.New(client.Config{BaseURL: t.Endpoint}) // it knows what an endpoint is, and calls nobody
	if err != nil {
		return tokenAnswer{}, &hinted{error: err, hint: "give another --endpoint", code: exitUsage}
	}
	web, err := t.web()
	if err != nil {
		return tokenAnswer{}, err
	}
	at, err := tokenEndpoint(ctx, web, c.BaseURL())
	if err != nil {
		return tokenAnswer{}, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.PrivateKeyFile != "" {
		audience, err := at.audience()
		if err != nil {
			return tokenAnswer{}, err
		}
		signed, err := t.assertion(audience, time.Now())
		if err != nil {
			return tokenAnswer{}, err
		}
		form.Set("client_assertion_type", oauth.JWTBearer)
		form.Set("client_assertion", signed)
	}
	if len(t.Scopes) > 0 {
		form.Set("scope", strings.Join(t.Scopes, " "))
	}
	for _, audience := range t.Audiences {
		form.Add("resource", audience)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return tokenAnswer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if t.PrivateKeyFile == "" {
		// Each is form-encoded before (RFC 6749 §2.3.1).
		r.SetBasicAuth(url.QueryEscape(t.AgentID), url.QueryEscape(value.Reveal()))
	}
	status, header, body, err := fetch(web, r)
	if err != nil {
		return tokenAnswer{}, err
	}
	if status != http.StatusOK {
		return tokenAnswer{}, refusedBy(t.AgentID, at.endpoint, status, header, body)
	}
	var got tokenAnswer
	if err := json.Unmarshal(body, &got); err != nil || got.AccessToken.IsZero() {
		return tokenAnswer{}, fmt.Errorf("sign in at %s: the answer has no access token", at.endpoint)
	}
	return got, nil
}

// web is a client that follows no redirect: the secret goes to who was named.
func (t tokenFlags) web() (*http.Client, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, hint(fmt.Errorf("read the CA certificates: %w", err), "--ca-certificate names a file in PEM")
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, hint(fmt.Errorf("%s has no certificate in PEM", t.CA), "--ca-certificate names a file in PEM")
		}
	}
	return &http.Client{
		Timeout:       signInTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// fetch sends a request and reads the answer.
func fetch(web *http.Client, r *http.Request) (status int, header http.Header, body []byte, err error) {
	answer, err := web.Do(r)
	if err != nil {
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
			return 0, nil, nil, hint(err, "name the CA of the server with --ca-certificate")
		}
		return 0, nil, nil, hint(err, "is the server there? --endpoint names it")
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return answer.StatusCode, answer.Header, body, err
}
