package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestProviderArguments: what cannot be meant is refused, by the name of the
// argument, before anything is asked or opened.
func TestProviderArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agents.db")
	const url = "https://agents.example.com"
	keyText, certText, oldText := newPair(t)
	otherText, _, _ := newPair(t)
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyFile, openFile, certFile := write("key.pem", keyText, 0o600), write("open.pem", keyText, 0o644), write("cert.pem", certText, 0o644)
	for _, tt := range []struct {
		name  string
		args  attrs
		env   map[string]string
		fails []string // nil: accepted
	}{
		{name: "nothing"},
		{name: "a file", args: attrs{"embedded_path": file}},
		{name: "no file name", args: attrs{"embedded_path": ""}, fails: []string{"embedded_path"}},
		{name: "empty endpoint", args: attrs{"endpoint": ""}, fails: []string{"endpoint", "at least 1"}},
		{name: "empty endpoint in the environment", env: map[string]string{"AGENTCREDS_ENDPOINT": ""}, fails: []string{"endpoint", "AGENTCREDS_ENDPOINT is set and empty", "Unset it"}},
		{name: "a file overrules the environment", args: attrs{"embedded_path": file}, env: map[string]string{"AGENTCREDS_ENDPOINT": url}},
		{name: "a file and an endpoint", args: attrs{"embedded_path": file, "endpoint": url, "access_token": "t"}, fails: []string{"endpoint", "embedded_path"}},
		{name: "a token", args: attrs{"endpoint": url, "access_token": "t0ken"}},
		{name: "a token in the environment", args: attrs{"endpoint": url}, env: map[string]string{"AGENTCREDS_ACCESS_TOKEN": "t0ken"}},
		{name: "everything in the environment", env: map[string]string{"AGENTCREDS_ENDPOINT": url, "AGENTCREDS_CLIENT_ID": "c", "AGENTCREDS_CLIENT_SECRET": "s", "AGENTCREDS_REQUESTS_PER_MINUTE": "100", "AGENTCREDS_REQUEST_TIMEOUT": "10s", "AGENTCREDS_INSECURE_SKIP_VERIFY": "true", "AGENTCREDS_ACCEPT_NEW_STORE": "1"}},
		{name: "a client", args: attrs{"endpoint": url, "client_id": "c", "client_secret": "s"}},
		{name: "a user", args: attrs{"endpoint": url, "username": "admin", "password": "admin"}},
		{name: "no way to sign in", args: attrs{"endpoint": url}, fails: []string{"endpoint", "No way to sign in", url, "access_token"}},
		{name: "half a client", args: attrs{"endpoint": url, "client_id": "c"}, fails: []string{"client_id", "client_secret"}},
		{name: "the other half", args: attrs{"endpoint": url, "client_secret": "s"}, fails: []string{"client_id", "client_secret"}},
		{name: "half a user", args: attrs{"endpoint": url, "username": "u"}, fails: []string{"username", "password"}},
		{name: "two ways to sign in", args: attrs{"endpoint": url, "access_token": "t", "client_id": "c", "client_secret": "s"}, fails: []string{"More than one way"}},
		{name: "two ways, one in the environment", args: attrs{"endpoint": url, "access_token": "t"}, env: map[string]string{"AGENTCREDS_USERNAME": "u", "AGENTCREDS_PASSWORD": "p"}, fails: []string{"More than one way"}},
		{name: "empty token", args: attrs{"endpoint": url, "access_token": ""}, fails: []string{"access_token"}},
		{name: "token with a line break", args: attrs{"endpoint": url, "access_token": "t0ken\n"}, fails: []string{"access_token", "line break"}},
		{name: "plain http", args: attrs{"endpoint": "http://agents.example.com", "access_token": "t"}, fails: []string{"endpoint", "https://"}},
		{name: "no URL", args: attrs{"endpoint": "agents.example.com", "access_token": "t"}, fails: []string{"endpoint", "https://"}},
		{name: "a password in the URL", args: attrs{"endpoint": "https://u:hunter2@agents.example.com", "access_token": "t"}, fails: []string{"endpoint", "arguments of their own"}},
		{name: "a timeout without a unit", args: attrs{"request_timeout": "30"}, fails: []string{"request_timeout", "30"}},
		{name: "no timeout", args: attrs{"request_timeout": "0s"}, fails: []string{"request_timeout", "too short"}},
		{name: "a long timeout", args: attrs{"request_timeout": "11m"}, fails: []string{"request_timeout", "too long"}},
		{name: "a bad timeout in the environment", env: map[string]string{"AGENTCREDS_REQUEST_TIMEOUT": "soon"}, fails: []string{"request_timeout", "soon"}},
		{name: "no requests", args: attrs{"requests_per_minute": 0}, fails: []string{"requests_per_minute"}},
		{name: "a bad rate in the environment", env: map[string]string{"AGENTCREDS_REQUESTS_PER_MINUTE": "many"}, fails: []string{"requests_per_minute", "many"}},
		{name: "a bad flag in the environment", env: map[string]string{"AGENTCREDS_ACCEPT_NEW_STORE": "perhaps"}, fails: []string{"accept_new_store", "perhaps"}},
		{name: "no certificate", args: attrs{"endpoint": url, "access_token": "t", "ca_certificate": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, fails: []string{"ca_certificate"}},
		{name: "no certificate file", args: attrs{"endpoint": url, "access_token": "t", "ca_certificate": file + ".pem"}, fails: []string{"ca_certificate", file + ".pem"}},
		{name: "a key", args: attrs{"endpoint": url, "client_id": "c", "private_key": keyText}},
		{name: "a key in the environment", args: attrs{"endpoint": url}, env: map[string]string{"AGENTCREDS_CLIENT_ID": "c", "AGENTCREDS_PRIVATE_KEY": keyText}},
		{name: "a key in a file", args: attrs{"endpoint": url, "client_id": "c", "private_key": "file:" + keyFile, "private_key_alg": "ES256"}},
		{name: "a key file that others read", args: attrs{"endpoint": url, "client_id": "c", "private_key": "file:" + openFile}, fails: []string{"private_key", openFile, "others can read"}},
		{name: "no key file", args: attrs{"endpoint": url, "client_id": "c", "private_key": "file:" + file + ".pem"}, fails: []string{"private_key", file + ".pem"}},
		{name: "a key without its frame", args: attrs{"endpoint": url, "client_id": "c", "private_key": "hunter2hunter2"}, fails: []string{"private_key", "neither PEM text nor file:NAME"}},
		{name: "an encrypted key", args: attrs{"endpoint": url, "client_id": "c", "private_key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----"}, fails: []string{"private_key", "it is encrypted"}},
		{name: "a public key", args: attrs{"endpoint": url, "client_id": "c", "private_key": "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"}, fails: []string{"private_key", `not "PRIVATE KEY"`}},
		{name: "another algorithm", args: attrs{"endpoint": url, "client_id": "c", "private_key": keyText, "private_key_alg": "RS256"}, fails: []string{"private_key", "does not go with the key"}},
		{name: "no algorithm", args: attrs{"endpoint": url, "client_id": "c", "private_key": keyText, "private_key_alg": "HS256"}, fails: []string{"private_key_alg"}},
		{name: "an algorithm alone", args: attrs{"endpoint": url, "client_id": "c", "client_secret": "s", "private_key_alg": "ES256"}, fails: []string{"private_key_alg", "Incomplete sign-in"}},
		{name: "a key of nobody", args: attrs{"endpoint": url, "private_key": keyText}, fails: []string{"Incomplete sign-in", "private_key", "client_id"}},
		{name: "a key and a secret", args: attrs{"endpoint": url, "client_id": "c", "client_secret": "s", "private_key": keyText}, fails: []string{"More than one way"}},
		{name: "a key for the embedded server", args: attrs{"client_id": "c", "private_key": keyText}, fails: []string{"private_key", "Nobody signs in to the embedded server"}},
		{name: "a certificate", args: attrs{"endpoint": url, "client_id": "c", "client_certificate": certText, "client_key": keyText}},
		{name: "a certificate in files", env: map[string]string{"AGENTCREDS_ENDPOINT": url, "AGENTCREDS_CLIENT_ID": "c", "AGENTCREDS_CLIENT_CERTIFICATE": certFile, "AGENTCREDS_CLIENT_KEY": "file:" + keyFile}},
		{name: "a certificate without its key", args: attrs{"endpoint": url, "client_id": "c", "client_certificate": certText}, fails: []string{"Incomplete sign-in", "client_key"}},
		{name: "a key without its certificate", args: attrs{"endpoint": url, "client_id": "c", "client_key": keyText}, fails: []string{"Incomplete sign-in", "client_certificate"}},
		{name: "a certificate of nobody", args: attrs{"endpoint": url, "client_certificate": certText, "client_key": keyText}, fails: []string{"Incomplete sign-in", "client_id"}},
		{name: "the key of another", args: attrs{"endpoint": url, "client_id": "c", "client_certificate": certText, "client_key": otherText}, fails: []string{"client_key", "not the key of the certificate"}},
		{name: "an expired certificate", args: attrs{"endpoint": url, "client_id": "c", "client_certificate": oldText, "client_key": keyText}, fails: []string{"client_certificate", "it expired at"}},
		{name: "a certificate that is none", args: attrs{"endpoint": url, "client_id": "c", "client_certificate": file + ".pem", "client_key": keyText}, fails: []string{"client_certificate", file + ".pem"}},
		{name: "a certificate that is a key", args: attrs{"endpoint": url, "client_id": "c", "client_certificate": keyText, "client_key": keyText}, fails: []string{"client_certificate", `not "CERTIFICATE"`}},
		{name: "a certificate without TLS", args: attrs{"endpoint": "http://127.0.0.1:8484", "client_id": "c", "client_certificate": certText, "client_key": keyText}, fails: []string{"client_certificate", "Certificate without TLS", "http://127.0.0.1:8484"}},
		{name: "a certificate and a token", args: attrs{"endpoint": url, "access_token": "t", "client_id": "c", "client_certificate": certText, "client_key": keyText}, fails: []string{"More than one way"}},
		{name: "unknown key", args: attrs{"endpoint": unknown}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, v := range tt.env {
				t.Setenv(name, v)
			}
			d := start(t).configure(tt.args)
			if tt.fails != nil {
				mustSay(t, "configure", d, tt.fails...)
			} else if len(d) > 0 {
				t.Errorf("configure: %v", d)
			}
			for _, secret := range []string{"hunter2", "t0ken", strings.Split(keyText, "\n")[1]} {
				if contains(d.String(), secret) {
					t.Errorf("the diagnostic shows a secret: %v", d)
				}
			}
		})
	}
	expectNoFile(t, file)
	if _, err := os.Stat("agentcreds.db"); err == nil {
		t.Error("a store was made in the working directory")
	}
}

// TestConfigureAsksNobody: a start of the binary, and a plan to create, cost no
// request and leave no file.
func TestConfigureAsksNobody(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		m := p.resource(t, agentType)
		m.plan(attrs{"display_name": "bot", "external_id": "team/bot"})
		p.resource(t, secretType).plan(attrs{"agent_id": unknown, "rotation_trigger": trigger("1")})
		if p.remote == nil {
			expectNoFile(t, p.path())
		} else if n := p.remote.count("", anyPath); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// TestUnknownProvider: while the address of the server is not known, creates
// are planned, and whatever would need an answer is an error.
func TestUnknownProvider(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	agent, secret := at.newSecret(t, nil)
	for _, args := range []attrs{
		{"endpoint": unknown, "access_token": adminToken},
		{"endpoint": at.remote.url, "access_token": unknown},
	} {
		p := start(t)
		p.mustPass("configure", p.configure(args))
		at.remote.forget()
		p.mustPass("plan to create", p.plan(agentType, instance{}, attrs{"display_name": "bot"}).problems)
		p.mustPass("plan to create", p.plan(secretType, instance{}, attrs{"agent_id": unknown}).problems)
		for name, m := range map[string]*managed{"agent": agent, "secret": secret} {
			got, d := p.read(m.name, m.instance)
			mustSay(t, "reading the "+name, d, "not configured yet")
			if got.state == nil {
				t.Errorf("the %s was removed", name)
			}
			_, d = p.importBy(m.name, agent.id(), nil)
			mustSay(t, "importing the "+name, d, "not configured yet")
		}
		_, d := p.data("agentcreds_agent", attrs{"id": agent.id()})
		mustSay(t, "reading a data source", d, "not configured yet")
		if n := at.remote.count("", anyPath); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	}
}

// TestResourceArguments: bad input is refused when it is validated, by the name
// of the argument.
func TestResourceArguments(t *testing.T) {
	t.Parallel()
	p := start(t)
	agent, secret := attrs{"display_name": "bot"}, attrs{"agent_id": "a"}
	for _, tt := range []struct {
		what   string
		name   string
		config attrs
		fails  []string
		warns  string
	}{
		{what: "least", name: agentType, config: agent},
		{what: "no name", name: agentType, config: attrs{"display_name": ""}, fails: []string{"display_name"}},
		{what: "unknown name", name: agentType, config: attrs{"display_name": unknown, "scopes": unknown, "attributes": unknown}},
		{what: "empty external id", name: agentType, config: agent.with("external_id", ""), fails: []string{"external_id"}},
		{what: "a named attribute", name: agentType, config: agent.with("attributes", attrs{"displayname": "x"}), fails: []string{"attributes", "displayname"}},
		{what: "an empty attribute", name: agentType, config: agent.with("attributes", attrs{"Team": ""}), fails: []string{"attributes", "Team"}},
		{what: "an empty scope", name: agentType, config: agent.with("scopes", words("")), fails: []string{"scopes"}},
		{what: "a way that is none", name: agentType, config: agent.with("allowed_auth_methods", words("password")), fails: []string{"allowed_auth_methods", "private_key_jwt"}},
		{what: "a policy that is none", name: agentType, config: agent.with("deletion_policy", "revoke"), fails: []string{"deletion_policy", "prevent"}},
		{what: "an on_existing that is none", name: agentType, config: agent.with("on_existing", "replace"), fails: []string{"on_existing", "adopt"}},
		{what: "a timeout that is none", name: agentType, config: agent.with("timeouts", attrs{"create": "soon"}), fails: []string{"timeouts", "create"}},

		{what: "least", name: secretType, config: secret},
		{what: "all", name: secretType, config: attrs{"agent_id": "a", "rotation_trigger": trigger("1"), "rotate_after": "720h", "expire_after": "1440h", "grace_period": "24h", "on_drift": "warn", "deletion_policy": "abandon", "on_existing": "replace"}},
		{what: "unknown", name: secretType, config: attrs{"agent_id": unknown, "rotation_trigger": unknown, "rotate_after": unknown, "expire_after": unknown, "grace_period": unknown}},
		{what: "no agent", name: secretType, config: attrs{"agent_id": ""}, fails: []string{"agent_id"}},
		{what: "days", name: secretType, config: secret.with("rotate_after", "30d"), fails: []string{"rotate_after", "30d", "720h"}},
		{what: "no unit", name: secretType, config: secret.with("expire_after", "5"), fails: []string{"expire_after", `"5"`}},
		{what: "words", name: secretType, config: secret.with("grace_period", "a while"), fails: []string{"grace_period", "a while"}},
		{what: "empty", name: secretType, config: secret.with("grace_period", ""), fails: []string{"grace_period"}},
		{what: "negative grace", name: secretType, config: secret.with("grace_period", "-1h"), fails: []string{"grace_period", "too short"}},
		{what: "no grace", name: secretType, config: secret.with("grace_period", "0s")},
		{what: "long grace", name: secretType, config: secret.with("grace_period", "721h"), fails: []string{"grace_period", "too long", "720h"}},
		{what: "short age", name: secretType, config: secret.with("rotate_after", "59s"), fails: []string{"rotate_after", "too short", "1m"}},
		{what: "half a second", name: secretType, config: secret.with("expire_after", "1h0.5s"), fails: []string{"expire_after", "whole number of seconds"}},
		{what: "a century", name: secretType, config: secret.with("expire_after", "876000h"), fails: []string{"expire_after", "too long"}},
		{what: "grace longer than life", name: secretType, config: secret.with("expire_after", "1h", "grace_period", "2h"), fails: []string{"grace_period", "2h", "1h", "expire_after"}},
		{what: "grace as long as life", name: secretType, config: secret.with("expire_after", "1h", "grace_period", "60m")},
		{what: "due after it expires", name: secretType, config: secret.with("expire_after", "1h", "rotate_after", "2h"), warns: "expires before it is due"},
		{what: "due when it expires", name: secretType, config: secret.with("expire_after", "1h", "rotate_after", "60m"), warns: "expires before it is due"},
		{what: "a drift policy that is none", name: secretType, config: secret.with("on_drift", "fix"), fails: []string{"on_drift", "ignore"}},
		{what: "a policy that is none", name: secretType, config: secret.with("deletion_policy", "delete"), fails: []string{"deletion_policy", "abandon"}},
		{what: "an on_existing that is none", name: secretType, config: secret.with("on_existing", "adopt"), fails: []string{"on_existing", "replace"}},
	} {
		d := p.validate(tt.name, tt.config)
		what := tt.name + ", " + tt.what
		if tt.fails != nil {
			mustSay(t, what, d, tt.fails...)
		} else if len(d.errors()) > 0 {
			t.Errorf("%s: %v", what, d)
		}
		if (tt.warns != "") != (len(d.warnings()) > 0) {
			t.Errorf("%s warns: %v, want %q", what, d.warnings(), tt.warns)
		}
		saysAll(t, what, d.warnings(), tt.warns)
	}
}

// TestExpiryOfThePast: a shorter life than the secret has had is not what
// anybody wants to happen at once.
func TestExpiryOfThePast(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	p.remote.skew.advance(48 * hour)
	_, d := m.try(m.configured().with("expire_after", "24h"))
	mustSay(t, "the apply", d, "expire_after", "24h", "rotation_trigger")
	p.expectStatus(t, agent.id(), m.secretID(), api.Active)
	m.apply(m.configured().with("expire_after", "24h", "rotation_trigger", trigger("1")))
}
