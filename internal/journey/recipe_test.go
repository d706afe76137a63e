//go:build unix

package journey_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
)

// recipe is a way to take an agent's secret to two sinks.
type recipe struct {
	config string
	hidden bool     // no readable secret may be in any file
	env    []string // beside what signs in
}

// recipeAgent is an agent that a second run finds again.
const recipeAgent = sinkHeader + `
variable "trigger" {
  type    = number
  default = 1
}

resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  external_id  = "team/bot"
  on_existing  = "adopt"
}
`

// readable is the recipe for old versions of Terraform: the secret is in the
// state.
var readable = recipeAgent + `
resource "agentcreds_agent_secret" "bot" {
  agent_id         = agentcreds_agent.bot.id
  rotation_trigger = { by = var.trigger }
}
` + sinkPair("agentcreds_agent_secret.bot.secret")

// opened keeps the secret in the state for whoever has the identity, and opens it.
const opened = recipeAgent + `
resource "agentcreds_agent_secret" "bot" {
  agent_id         = agentcreds_agent.bot.id
  rotation_trigger = { by = var.trigger }
  seal_to          = ["RECIPIENT"]
}

ephemeral "agentcreds_agent_secret" "bot" {
  agent_id      = agentcreds_agent_secret.bot.agent_id
  version       = agentcreds_agent_secret.bot.version
  sealed_secret = agentcreds_agent_secret.bot.sealed_secret
}
`

// sealed is a secret that is opened on its way to the sinks.
var sealed = opened + sinkPair("ephemeral.agentcreds_agent_secret.bot.secret")

// sinkFirst makes a secret into a sink, and gives to the server what is read from
// there.
const sinkFirst = recipeAgent + `
ephemeral "agentcreds_random_secret" "new" {}

resource "sink_value" "a" {
  name             = "a"
  value_wo         = ephemeral.agentcreds_random_secret.new.value
  value_wo_version = var.trigger
}

ephemeral "sink_value" "back" {
  name  = sink_value.a.name
  after = sink_value.a.id
}

resource "agentcreds_agent_secret" "bot" {
  agent_id          = agentcreds_agent.bot.id
  secret_wo         = ephemeral.sink_value.back.value
  secret_wo_version = sink_value.a.value_wo_version
}
`

// storeFirst gives it to another sink, too.
const storeFirst = sinkFirst + `
resource "sink_value" "b" {
  name             = "b"
  value_wo         = ephemeral.sink_value.back.value
  value_wo_version = sink_value.a.value_wo_version
}
`

// recipes are those of the guide.
var recipes = sync.OnceValue(func() map[string]recipe {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return map[string]recipe{
		"readable":    {config: readable},
		"sealed":      {strings.Replace(sealed, "RECIPIENT", identity.Recipient().String(), 1), true, []string{"AGENTCREDS_SEAL_IDENTITY=" + identity.String()}},
		"store-first": {config: storeFirst, hidden: true},
	}
})

// sinkPair are two sinks that get a value whenever the secret has a new version.
func sinkPair(value string) string { return sinkOf("a", value) + sinkOf("b", value) }

// sinkOf is a sink that takes a value.
func sinkOf(name, value string) string {
	return strings.NewReplacer("NAME", name, "VALUE", value).Replace(`
resource "sink_value" "NAME" {
  name             = "NAME"
  value_wo         = VALUE
  value_wo_version = agentcreds_agent_secret.bot.version
}
`)
}

// kitchen is where a recipe is tried: a workspace, a server and two sinks.
type kitchen struct {
	recipe
	t       testing.TB
	w       *workspace
	s       *server
	sinks   *sinks
	address string // of server and sinks
}

// newKitchen makes one; from, if it is not nil, is one whose state, database
// and sinks it takes over.
func newKitchen(t testing.TB, r recipe, from *kitchen) *kitchen {
	t.Helper()
	k := &kitchen{recipe: r, t: t, w: newWorkspace(t, r.config)}
	var values map[string]stored
	if from != nil {
		k.w.copyFrom(from.w, "terraform.tfstate", database+"*")
		values = from.sinks.held()
	}
	k.s, k.sinks = serve(t, k.w.path(database)), newSinks(t, values)
	k.address = k.sinks.beside(t, k.s.url)
	k.w.env = k.env(k.address)
	return k
}

// env is the environment for a CLI that finds server and sinks at the URL.
func (k *kitchen) env(url string) []string {
	return append(k.s.withSinks(k.t, url), k.recipe.env...)
}

// agree checks that the server takes what the sinks hold: both the same, and a
// login with it works.
func (k *kitchen) agree(after any) {
	k.t.Helper()
	held, agents := k.sinks.held(), k.s.agents()
	if len(agents) != 1 || held["a"].Value == "" || held["a"] != held["b"] {
		k.t.Errorf("%d agents; sink a has version %d, sink b version %d, the same value: %v\nafter %v",
			len(agents), held["a"].Version, held["b"].Version, held["a"].Value == held["b"].Value, after)
		return
	}
	if status := k.s.login(agents[0].ID, held["a"].Value); status != http.StatusOK {
		k.t.Errorf("a login with what the sinks hold gets %d: %+v\nafter %v", status, k.s.secrets(agents[0].ID), after)
	}
}

// login asks for a token as the agent does.
func (s *server) login(agentID, secret string) (status int) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(url.QueryEscape(agentID), url.QueryEscape(secret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := caller.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
