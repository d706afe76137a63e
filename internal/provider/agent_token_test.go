package provider_test

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	ofToken     = "agentcreds_agent_token"
	tokenPath   = `^/oauth2/token$`
	revokeToken = `^/oauth2/revoke$`
)

// newTokenPlace is a remote place whose agents can sign in, as serve has it:
// the token API beside the management API, over one store.
func newTokenPlace(t *testing.T) (*place, *authority.Issuer) {
	t.Helper()
	at := newRemotePlace(t)
	issuer, err := authority.NewIssuer(authority.IssuerConfig{
		Authority: at.remote.authority, URL: at.remote.url,
		Seal: func() (secret.SealKey, error) { return secret.NewSealKey(bytes.Repeat([]byte{1}, secret.SealKeyLen)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = issuer.Close(context.Background()) })
	tokens, err := oauth.New(oauth.Config{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	management := at.remote.handler
	at.remote.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/oauth2/") || strings.HasPrefix(r.URL.Path, "/.well-known/") {
			tokens.ServeHTTP(w, r)
			return
		}
		management.ServeHTTP(w, r)
	})
	return at, issuer
}

// open opens a token.
func (p *plugin) open(config attrs) (attrs, []byte, problems) {
	p.t.Helper()
	return p.openAs(ofToken, config)
}

// openAs opens an ephemeral resource.
func (p *plugin) openAs(name string, config attrs) (attrs, []byte, problems) {
	p.t.Helper()
	ty := p.schema.EphemeralResourceSchemas[name].ValueType()
	valid, err := p.server.ValidateEphemeralResourceConfig(p.ctx(), &tfprotov6.ValidateEphemeralResourceConfigRequest{TypeName: name, Config: p.pack(ty, config)})
	p.answered(err)
	if len(problems(valid.Diagnostics).errors()) > 0 {
		return nil, nil, valid.Diagnostics
	}
	resp, err := p.server.OpenEphemeralResource(p.ctx(), &tfprotov6.OpenEphemeralResourceRequest{TypeName: name, Config: p.pack(ty, config)})
	p.answered(err)
	if len(problems(resp.Diagnostics).errors()) > 0 {
		return nil, resp.Private, resp.Diagnostics
	}
	return p.unpack(ty, resp.Result), resp.Private, resp.Diagnostics
}

func (p *plugin) close(private []byte) problems {
	p.t.Helper()
	resp, err := p.server.CloseEphemeralResource(p.t.Context(), &tfprotov6.CloseEphemeralResourceRequest{TypeName: ofToken, Private: private})
	p.answered(err)
	return resp.Diagnostics
}

// TestAgentToken: the token is the agent's, is in force until it is closed, and
// private data has neither it nor the secret.
func TestAgentToken(t *testing.T) {
	t.Parallel()
	at, issuer := newTokenPlace(t)
	_, m := at.newSecret(t, nil)
	at.hand(t).patch(m.agentID(), api.Replace(api.SchemaCredentials+":scopes", []string{"read", "write"}))
	p := at.plugin(t)
	value := m.state.text("secret")
	got, private, said := p.open(attrs{"agent_id": m.agentID(), "secret": value, "scopes": []any{"read", "admin"}})
	p.mustPass("open", said)
	token := secret.New(got.text("access_token"))
	c, err := issuer.Inspect(t.Context(), token)
	if err != nil || c.Subject != m.agentID() || !c.Agent() || c.Scope != "read" {
		t.Errorf("Inspect = %+v, %v", c, err)
	}
	ends, err := time.Parse(time.RFC3339, got.text("expires_at"))
	if left := ends.Unix() - c.Expires; err != nil || left < -2 || left > 2 || got.text("token_type") != "Bearer" || got.text("scope") != "read" {
		t.Errorf("the token ends at %s, %s, with %s", got.text("expires_at"), got.text("token_type"), got.text("scope"))
	}
	if bytes.Contains(private, []byte(value)) || bytes.Contains(private, []byte(token.Reveal())) || len(private) == 0 {
		t.Errorf("private data is %s", private)
	}
	p.mustPass("close", p.close(private))
	if _, err := issuer.Inspect(t.Context(), token); err == nil {
		t.Error("the token is in force after it was closed")
	}
	p.mustPass("close again", p.close(private))
	if n := at.remote.count("POST", revokeToken); n != 1 {
		t.Errorf("%d revocations, want 1", n)
	}
}

// TestAgentToken_closed: what keeps Close from revoking is no failure of the run.
func TestAgentToken_closed(t *testing.T) {
	t.Parallel()
	at, _ := newTokenPlace(t)
	_, m := at.newSecret(t, nil)
	p := at.plugin(t)
	_, private, said := p.open(attrs{"agent_id": m.agentID(), "secret": m.state.text("secret")})
	p.mustPass("open", said)
	revokedOutside(at, m)
	if said := p.close(private); len(said) > 0 {
		t.Errorf("close after the secret was revoked: %v", said)
	}
	if said := at.plugin(t).close(private); len(said) > 0 {
		t.Errorf("close by another process: %v", said)
	}
}

// TestAgentToken_refused: each refusal says what to do, and shows no secret.
func TestAgentToken_refused(t *testing.T) {
	t.Parallel()
	at, _ := newTokenPlace(t)
	_, m := at.newSecret(t, nil)
	_, blocked := at.newSecret(t, nil)
	agentBlocked(at, blocked)
	wrong := secret.Generate().Reveal()
	for _, tt := range []struct {
		name string
		at   *place
		args attrs
		says []string
	}{
		{"wrong secret", at, attrs{"agent_id": m.agentID(), "secret": wrong}, []string{"Cannot get a token", m.agentID(), "belong together"}},
		{"blocked", at, attrs{"agent_id": blocked.agentID(), "secret": blocked.state.text("secret")}, []string{"is not blocked"}},
		{"audience", at, attrs{"agent_id": m.agentID(), "secret": m.state.text("secret"), "audience": "https://other.example"}, []string{"audiences of agentcreds_agent"}},
		{"embedded", newEmbedded(t), attrs{"agent_id": m.agentID(), "secret": wrong}, []string{"serve", "endpoint"}},
		{"no secret", at, attrs{"agent_id": m.agentID(), "secret": ""}, []string{"secret"}},
		{"no scope", at, attrs{"agent_id": m.agentID(), "secret": wrong, "scopes": []any{}}, []string{"scopes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, said := tt.at.plugin(t).open(tt.args)
			mustSay(t, "open", said, tt.says...)
			if value := tt.args.text("secret"); value != "" && strings.Contains(said.String(), value) {
				t.Errorf("the diagnostic shows the secret: %v", said)
			}
		})
	}
	_, _, said := start(t).open(attrs{"agent_id": "a", "secret": "b"})
	mustSay(t, "open without a provider", said, "not configured yet")
}

// echoed runs with a provider that writes down what it is configured with.
func echoed(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_10_0)},
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			provider.TypeName: served,
			"echo":            echoprovider.NewProviderServer(),
		},
		Steps: steps,
	})
}

// TestAccAgentToken: Terraform gets the token to where it is used, at apply when
// the secret is made by then, at plan and apply when it is there, and every
// token is taken back.
func TestAccAgentToken(t *testing.T) {
	t.Parallel()
	at, issuer := newTokenPlace(t)
	config := func(quarter string) string {
		return `
provider "agentcreds" {
  endpoint     = "` + at.remote.url + `"
  access_token = "` + adminToken + `"
}
resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  scopes       = ["read"]
}
resource "agentcreds_agent_secret" "bot" {
  agent_id         = agentcreds_agent.bot.id
  grace_period     = "0s"
  rotation_trigger = { quarter = "` + quarter + `" }
}
ephemeral "agentcreds_agent_token" "bot" {
  agent_id = agentcreds_agent.bot.id
  secret   = agentcreds_agent_secret.bot.secret
  scopes   = ["read"]
}
provider "echo" {
  data = ephemeral.agentcreds_agent_token.bot
}
resource "echo" "` + "q" + quarter + `" {}
`
	}
	check := func(name string) []statecheck.StateCheck {
		data := func(of string) tfjsonpath.Path { return tfjsonpath.New("data").AtMapKey(of) }
		return []statecheck.StateCheck{
			statecheck.ExpectKnownValue(name, data("scope"), knownvalue.StringExact("read")),
			statecheck.ExpectKnownValue(name, data("access_token"), knownvalue.StringFunc(func(token string) error {
				if _, err := issuer.Inspect(t.Context(), secret.New(token)); err == nil {
					t.Error("the token is in force after the run")
				}
				return nil
			})),
		}
	}
	echoed(t,
		resource.TestStep{Config: config("1"), ConfigStateChecks: check("echo.q1")},
		resource.TestStep{Config: config("2"), ConfigStateChecks: check("echo.q2")},
		resource.TestStep{Config: strings.Replace(config("2"), "agentcreds_agent_secret.bot.secret", `"wrong-secret-1"`, 1), ExpectError: regexp.MustCompile(`Cannot get a token for the agent`)},
		resource.TestStep{Config: config("2")}, // with it the test library destroys
	)
	if got := takenBack(t, at); got < 4 {
		t.Errorf("%d tokens were given, want at least 4", got)
	}
}

// TestAccAgentToken_rotatedKey: a key is rotated, and the token is got by the new
// one in the same run. Without version the plan asked for it with a key that the
// server did not have yet, and there was no way to apply.
func TestAccAgentToken_rotatedKey(t *testing.T) {
	t.Parallel()
	at, _ := newTokenPlace(t)
	config := func(k keyPair, version string) string {
		return `
provider "agentcreds" {
  endpoint     = "` + at.remote.url + `"
  access_token = "` + adminToken + `"
}
resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  scopes       = ["read"]
}
resource "agentcreds_agent_key" "bot" {
  agent_id       = agentcreds_agent.bot.id
  public_key_pem = <<-EOT
` + k.public + `  EOT
}
ephemeral "agentcreds_agent_token" "bot" {
  agent_id    = agentcreds_agent.bot.id
  private_key = <<-EOT
` + k.private + `  EOT
  scopes      = ["read"]
` + version + `
}
provider "echo" {
  data = ephemeral.agentcreds_agent_token.bot
}
resource "echo" "kid-` + k.kid + `" {}
`
	}
	const keyed = "  version = agentcreds_agent_key.bot.version"
	a, b, c := newKeyPair(t), newKeyPair(t), newKeyPair(t)
	got := func(k keyPair) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("echo.kid-"+k.kid, tfjsonpath.New("data").AtMapKey("scope"), knownvalue.StringExact("read"))}
	}
	echoed(t,
		resource.TestStep{Config: config(a, keyed), ConfigStateChecks: got(a)},
		resource.TestStep{Config: config(b, keyed), ConfigStateChecks: got(b)},
		resource.TestStep{Config: config(c, ""), ExpectError: regexp.MustCompile(`Cannot get a token for the agent`)},
		resource.TestStep{Config: config(b, keyed)}, // with it the test library destroys
	)
	takenBack(t, at)
}

// takenBack checks that each token that was given was taken back, and counts
// them. The last run destroys the secret: its token dies with it, and the server
// does not know the secret any more that would revoke it.
func takenBack(t *testing.T, at *place) int {
	t.Helper()
	given := 0
	for _, r := range at.remote.requests("POST", tokenPath) {
		if r.Status == http.StatusOK {
			given++
		}
	}
	if back := at.remote.count("POST", revokeToken); back != given {
		t.Errorf("%d tokens were given, and taken back %d times", given, back)
	}
	return given
}

// opened applies an example that signs in as an agent.
func (e *example) opened(t *testing.T) {
	e.place, _ = newTokenPlace(t)
	e.run(t, tfversion.SkipBelow(tfversion.Version1_10_0), resource.TestStep{Config: e.config(t)})
	if takenBack(t, e.place) == 0 {
		t.Error("nobody signed in")
	}
}
