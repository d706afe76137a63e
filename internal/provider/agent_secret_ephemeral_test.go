package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	ofSecret = "agentcreds_agent_secret"
	ofRandom = "agentcreds_random_secret"
)

// identity is the place with something to open envelopes with.
func (p *place) identity(v any) *place {
	out := *p
	out.args = p.args.with("seal_identity", v)
	return &out
}

// opening is the configuration that opens the secret of a state.
func opening(state attrs) attrs {
	return attrs{"agent_id": state["agent_id"], "version": state["version"], "sealed_secret": state["sealed_secret"]}
}

func TestOpenSecret(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		one, two, q := newAgeKey(t), newAgeKey(t), newHybridKey(t)
		_, m := p.newSecret(t, attrs{"seal_to": words(one.recipient, two.recipient)})
		_, hybrid := p.newSecret(t, attrs{"seal_to": words(q.recipient)})
		file := filepath.Join(t.TempDir(), "identity.txt")
		if err := os.WriteFile(file, []byte("# created: today\n# public key: "+two.recipient+"\n"+two.identity+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, by := range map[string]struct {
			identity string
			state    attrs
		}{
			"value": {one.identity, m.state}, "several": {q.identity + "\n" + two.identity + "\n", m.state},
			"file": {"file:" + file, m.state}, "post-quantum": {q.identity, hybrid.state},
		} {
			run := p.identity(by.identity).plugin(t)
			if p.remote != nil {
				p.remote.forget()
			}
			got, private, d := run.openAs(ofSecret, opening(by.state))
			if len(d) > 0 {
				t.Fatalf("%s: %v", name, d)
			}
			p.logsIn(t, by.state, secret.New(got.text("secret")))
			if got["agent_id"] != by.state["agent_id"] || got["version"] != by.state["version"] || len(private) > 0 || len(got.unknowns()) > 0 {
				t.Errorf("%s: %v, %s", name, got.with("secret", "…"), private)
			}
		}
	})
}

// TestOpenSecret_asksNobody: no request is made, and no store is made.
func TestOpenSecret_asksNobody(t *testing.T) {
	t.Parallel()
	key := newAgeKey(t)
	at := newRemotePlace(t)
	_, m := at.newSecret(t, attrs{"seal_to": words(key.recipient)})
	at.remote.forget()
	if _, _, d := at.identity(key.identity).plugin(t).openAs(ofSecret, opening(m.state)); len(d) > 0 {
		t.Error(d)
	}
	if asked := at.remote.requests("", anyPath); len(asked) > 0 {
		t.Errorf("the server was asked: %v", asked)
	}
	nowhere := newEmbedded(t)
	if _, _, d := nowhere.identity(key.identity).plugin(t).openAs(ofSecret, opening(m.state)); len(d) > 0 {
		t.Error(d)
	}
	expectNoFile(t, nowhere.path())
}

// TestOpenSecret_refused: each reason has its own words, and none has a key or
// a secret.
func TestOpenSecret_refused(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	key, other := newAgeKey(t), newAgeKey(t)
	_, m := p.newSecret(t, attrs{"seal_to": words(key.recipient)})
	_, stranger := p.newSecret(t, attrs{"seal_to": words(key.recipient)})
	value := key.opens(t, m.state).Value.Reveal()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	sealed := opening(m.state)
	for _, tt := range []struct {
		name     string
		identity any
		config   attrs
		says     []string
	}{
		{"no identity", nil, sealed, []string{"No identity", "AGENTCREDS_SEAL_IDENTITY", "only plan"}},
		{"late identity", unknown, sealed, []string{"not known yet", "AGENTCREDS_SEAL_IDENTITY"}},
		{"another identity", other.identity, sealed, []string{"Cannot open", "sealed to others", "recipients in seal_to"}},
		{"not sealed", key.identity, sealed.with("sealed_secret", nil), []string{"not sealed", m.agentID(), "no seal_to", "secret_wo", "imported"}},
		{"another agent", key.identity, sealed.with("agent_id", stranger.agentID()), []string{"Cannot open", "another secret", m.agentID(), stranger.agentID()}},
		{"another's envelope", key.identity, sealed.with("sealed_secret", stranger.state["sealed_secret"]), []string{"another secret"}},
		{"another version", key.identity, sealed.with("version", m.state.version()+1), []string{"the version", fmt.Sprint(m.state.version() + 1)}},
		{"cut", key.identity, sealed.with("sealed_secret", m.state.text("sealed_secret")[:200]), []string{"damaged", "cut or altered"}},
		{"plain", key.identity, sealed.with("sealed_secret", value), []string{"damaged", "BEGIN AGE"}},
		{"part of an identity", key.identity[:30], sealed, []string{"Cannot use the identity", "line 1"}},
		{"a recipient", key.recipient, sealed, []string{"Cannot use the identity", "opens nothing"}},
		{"no file", "file:" + filepath.Join(dir, "none"), sealed, []string{"Cannot use the identity", "none", "no such file"}},
		{"open file", file("open", key.identity, 0o644), sealed, []string{"Cannot use the identity", "others can read", "0600"}},
		{"empty file", file("empty", "", 0o600), sealed, []string{"Cannot use the identity", "no identity in it"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "open file" && runtime.GOOS == "windows" {
				t.Skip("modes")
			}
			got, _, d := p.identity(tt.identity).plugin(t).openAs(ofSecret, tt.config)
			mustSay(t, "open", d, tt.says...)
			if got != nil {
				t.Error("there is a result beside the error")
			}
			leaking := needles{}
			leaking.add("the secret", value)
			leaking.add("the identity", key.identity)
			leaking.expectNone(t, "the error", d.String())
		})
	}
}

// TestSealIdentity_late: everything else works while the identity is not known,
// or is of no use.
func TestSealIdentity_late(t *testing.T) {
	t.Parallel()
	key := newAgeKey(t)
	for name, v := range map[string]any{"unknown": unknown, "wrong": "no identity", "missing file": "file:/nowhere/at/all"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newEmbedded(t).identity(v)
			_, m := p.newSecret(t, attrs{"seal_to": words(key.recipient)})
			p.expectSealed(t, m.state, key)
			m.apply(nil)
		})
	}
}

func TestRandomSecret(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	run := p.plugin(t)
	seen := map[string]bool{}
	for range 50 {
		got, _, d := run.openAs(ofRandom, attrs{})
		value := got.text("value")
		if len(d) > 0 || seen[value] {
			t.Fatalf("%v, or the same again", d)
		}
		seen[value] = true
		// WSO2's agent store, and the policy that the safe rule for tenants asks for.
		for _, rule := range []string{`^.{8,100}$`, `[a-z]`, `[A-Z]`, `[0-9]`, `[-_.]`} {
			if !regexp.MustCompile(rule).MatchString(value) {
				t.Errorf("a value does not match %s", rule)
			}
		}
		if err := secret.Check(secret.New(value)); err != nil {
			t.Error(err)
		}
	}
	expectNoFile(t, p.path())
}

var exampleRecipient = regexp.MustCompile(`"age1[0-9a-z]{58}"|var\.seal_recipient`)

// openedSealed applies an example that opens a sealed secret, with a recipient
// whose identity the test has.
func (e *example) openedSealed(t *testing.T) {
	key := newAgeKey(t)
	if !exampleRecipient.MatchString(e.source) {
		t.Fatal("the example seals to nobody")
	}
	e.source = exampleRecipient.ReplaceAllLiteralString(e.source, strconv.Quote(key.recipient))
	e.place = e.place.identity(key.identity)
	first := e.config(t)
	if len(e.sinks) == 0 {
		t.Fatal("nothing follows the version")
	}
	follows := []plancheck.PlanCheck{plancheck.ExpectResourceAction(exampleSecret, plancheck.ResourceActionUpdate)}
	for _, sink := range e.sinks {
		follows = append(follows, plancheck.ExpectResourceAction(sink, plancheck.ResourceActionUpdate))
	}
	secret := watch(t, exampleSecret)
	e.run(t, tfversion.SkipBelow(tfversion.Version1_11_0),
		resource.TestStep{Config: first, ConfigStateChecks: states(secret)},
		resource.TestStep{Config: e.nextQuarter(t, first), ConfigPlanChecks: before(follows...), ConfigStateChecks: states(secret)})
	e.place.expectNoValue(t, secret.last())
}

// expectNoValue checks that a state has an envelope or nothing.
func (p *place) expectNoValue(t *testing.T, state attrs) {
	t.Helper()
	if state["secret"] != nil || state["secret_wo"] != nil {
		t.Error("the value is in the state")
	}
}

// storedFirst applies an example that puts the secret into Vault first. Vault
// cannot be had in a test: what would be read back from it is what is new.
func (e *example) storedFirst(t *testing.T) {
	readBack := regexp.MustCompile(`(?s)ephemeral "vault_kv_secret_v2".*?\n}\n`)
	if !readBack.MatchString(e.source) {
		t.Fatal("the example reads nothing back")
	}
	e.source = strings.NewReplacer(
		"ephemeral.vault_kv_secret_v2.support.data.secret", "ephemeral.agentcreds_random_secret.new.value",
		"vault_kv_secret_v2.support.data_json_wo_version", "var.rotation",
	).Replace(readBack.ReplaceAllString(e.source, ""))
	first := e.config(t)
	secret := watch(t, exampleSecret)
	e.run(t, tfversion.SkipBelow(tfversion.Version1_11_0),
		resource.TestStep{Config: first, ConfigStateChecks: states(secret)},
		resource.TestStep{
			Config:            strings.Replace(first, "default     = 1", "default     = 2", 1),
			ConfigPlanChecks:  before(plancheck.ExpectResourceAction(exampleSecret, plancheck.ResourceActionUpdate)),
			ConfigStateChecks: states(secret),
		})
	e.place.expectNoValue(t, secret.last())
}
