package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// curl is a client by hand. What is secret comes by standard input, as people
// should do it as well.
type curl struct {
	*testing.T
	program, certificate string
}

// form posts what the lines of a configuration for curl say, and reads the
// answer.
func (c curl) form(url string, lines ...string) (status int, answer map[string]any) {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), c.program, "--disable", "--silent", "--show-error", "--noproxy", "*",
		"--cacert", c.certificate, "--config", "-", "--write-out", "\n%{http_code}", url)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	cmd.Stderr = c.Output()
	out, err := cmd.Output()
	if err != nil {
		c.Fatalf("curl %s: %v", url, err)
	}
	end := bytes.LastIndexByte(out, '\n')
	if _, err := fmt.Sscan(string(out[end+1:]), &status); err != nil {
		c.Fatalf("curl %s: %q", url, out)
	}
	_ = json.Unmarshal(out[:end], &answer) // a revocation has no body
	return status, answer
}

// option is a line of a configuration for curl.
func option(name, value string) string {
	return name + ` = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// field is a field of a form, which curl encodes.
func field(name, value string) string { return option("data-urlencode", name+"="+value) }

// TestForeign_curl signs in with curl, over TLS.
func TestForeign_curl(t *testing.T) {
	program, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("SKIPPED: there is no curl on PATH")
	}
	h, f := newForeign(t, "--tls-self-signed")
	c := curl{t, program, h.certificate()}
	status, metadata := c.form(f.Issuer + "/.well-known/oauth-authorization-server")
	at := func(name string) string { return fmt.Sprint(metadata[name]) }
	if status != http.StatusOK || at("issuer") != f.Issuer {
		t.Fatalf("metadata: %d %v", status, metadata)
	}
	const grant = "grant_type=client_credentials"
	gateway := option("user", f.Gateway.ID+":"+f.Gateway.Secret)
	for i, agent := range f.Agents {
		ways := map[string][]string{"post": {field("client_id", agent.ID), field("client_secret", agent.Secret)}}
		if i == 0 { // curl does not encode what goes into the header: only a secret without signs works so
			ways["basic"] = []string{option("user", agent.ID+":"+agent.Secret)}
		}
		for name, way := range ways {
			status, got := c.form(at("token_endpoint"), append(way, option("data", grant+"&scope=read"))...)
			token := fmt.Sprint(got["access_token"])
			if status != http.StatusOK || got["token_type"] != "Bearer" || got["scope"] != "read" {
				t.Fatalf("%s %q: %d %v", name, agent.Secret, status, got)
			}
			if status, got = c.form(at("introspection_endpoint"), gateway, field("token", token)); status != http.StatusOK || got["sub"] != agent.ID {
				t.Errorf("introspect: %d %v", status, got)
			}
			if status, got = c.form(at("revocation_endpoint"), append(way, field("token", token))...); status != http.StatusOK {
				t.Errorf("revoke: %d %v", status, got)
			}
			if status, got = c.form(at("introspection_endpoint"), gateway, field("token", token)); status != http.StatusOK || got["active"] != false {
				t.Errorf("introspect a revoked token: %d %v", status, got)
			}
		}
		wrong := field("client_secret", agent.Secret+"x")
		if status, got := c.form(at("token_endpoint"), field("client_id", agent.ID), wrong, option("data", grant)); status != http.StatusUnauthorized || got["error"] != "invalid_client" {
			t.Errorf("a wrong secret: %d %v", status, got)
		}
	}
}
