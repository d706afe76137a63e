package provider_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// fixture is an instance of a resource as a release wrote it into a state file,
// private state included. Fixtures are never written anew: somebody's state is
// what they say.
type fixture struct {
	name          string
	Attributes    json.RawMessage
	Private       []byte
	SchemaVersion int64 `json:"schema_version"`
	facts         map[string]any
}

// kind is the type of the resource: the file's name up to the variant.
func (f fixture) kind() string { return f.name[:strings.LastIndexByte(f.name, '_')] }

func fixtures(t *testing.T) []fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/state_v*/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("the fixtures are %v (%v)", files, err)
	}
	var out []fixture
	for _, file := range files {
		f := fixture{name: strings.TrimSuffix(filepath.Base(file), ".json")}
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &f)
		}
		var keys map[string][]byte
		if err == nil {
			err = json.Unmarshal(f.Private, &keys)
		}
		if err == nil {
			err = json.Unmarshal(keys["facts"], &f.facts)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, f)
	}
	return out
}

// private is the private state with other facts.
func (f fixture) private(t *testing.T, store string) []byte {
	t.Helper()
	f.facts["store"] = store
	facts, err := json.Marshal(f.facts)
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(map[string][]byte{"facts": facts})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestStateOfReleases: a state that any release wrote is taken for ever: it is
// upgraded, refreshed to the same, plans nothing, and rotates.
func TestStateOfReleases(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := newEmbedded(t)
			run := p.plugin(t)
			resp, err := run.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
				TypeName: f.kind(), Version: f.SchemaVersion, RawState: &tfprotov6.RawState{JSON: f.Attributes},
			})
			run.answered(err)
			run.mustPass("upgrade", resp.Diagnostics)
			state := run.unpack(run.typeOf(f.kind()), resp.UpgradedState)
			var written map[string]any
			if err := json.Unmarshal(f.Attributes, &written); err != nil {
				t.Fatal(err)
			}
			for name, v := range fromJSON(written) {
				if number, ok := v.(float64); ok {
					v = int64(number)
				}
				if diff := cmp.Diff(v, state[name]); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}

			// The same objects, in a store of today.
			m := p.resource(t, f.kind())
			if f.kind() == agentType {
				p.seedAgent(t, f, state)
			} else {
				p.seedSecret(t, state)
			}
			server, err := p.hand(t).Server(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m.instance = instance{state: state, private: f.private(t, server.StoreID)}
			run.mustPass("refresh", m.refresh())
			if diff := cmp.Diff(state, m.state); diff != "" {
				t.Errorf("the refresh changes the state: %s", diff)
			}
			if did := m.apply(m.configured()); did != noAction {
				t.Errorf("the apply did %s", did)
			}
			if f.kind() == secretType {
				f.rotates(t, p, m)
			}
			m.apply(nil)
		})
	}
}

// seedAgent makes the agent of a state, and writes into the state what only the
// server decides.
func (p *place) seedAgent(t *testing.T, f fixture, state attrs) {
	t.Helper()
	serving := state["is_user_serving_agent"] == true
	a := api.Agent{
		ExternalID: state.text("external_id"),
		Profile:    api.AgentProfile{DisplayName: state.text("display_name"), Description: state.text("description"), Owner: state.text("owner"), IsUserServingAgent: &serving},
		Extension:  &api.AgentSecurity{Scopes: texts(state["scopes"]), Audiences: texts(state["audiences"]), AllowedAuthMethods: texts(state["allowed_auth_methods"])},
	}
	a.Extension.OwnerToken, _ = f.facts["owner_token"].(string)
	if named, ok := state["attributes"].(attrs); ok {
		a.Profile.Attributes = map[string]string{}
		for name := range named {
			a.Profile.Attributes[name] = named.text(name)
		}
	}
	a = p.hand(t).create(a)
	created, err := time.Parse(time.RFC3339, a.Meta.Created)
	if err != nil {
		t.Fatal(err)
	}
	state["id"], state["created_at"] = a.ID, created.Truncate(time.Second).Format(time.RFC3339)
}

func texts(set any) []string {
	var out []string
	list, _ := set.([]any)
	for _, v := range list {
		text, _ := v.(string)
		out = append(out, text)
	}
	return out
}

// seedSecret makes the secrets of a state, by their ids and with their values.
func (p *place) seedSecret(t *testing.T, state attrs) {
	t.Helper()
	h := p.hand(t)
	id := h.create(api.Agent{}).ID
	state["agent_id"] = id
	put := func(secretID, value string, previous *api.Retire) api.Secret {
		s, err := h.PutSecret(t.Context(), id, secretID, api.SecretRequest{SecretValue: secret.New(value), Previous: previous}, "")
		h.check("put a secret", err)
		return s
	}
	var retire *api.Retire
	if previous, ok := state["previous"].(attrs); ok {
		put(previous.text("secret_id"), "Written-down-2026.the-one-before", nil)
		retire = &api.Retire{SecretID: previous.text("secret_id"), ExpiresAt: at(t, previous["expires_at"])}
	}
	s := put(state.text("secret_id"), "Written-down-2026.not-a-secret", retire)
	state["rotated_at"] = time.UnixMilli(s.CreatedAt).UTC().Format(time.RFC3339)
}

// rotates checks that a secret goes on from there: the first trigger after an
// import is the baseline still, and the version goes on.
func (f fixture) rotates(t *testing.T, p *place, m *managed) {
	t.Helper()
	if f.facts["imported"] == true {
		id := m.secretID()
		m.apply(m.configured().with("rotation_trigger", trigger("baseline")))
		if m.secretID() != id {
			t.Error("the baseline rotated")
		}
		m.state["secret"] = "none"
	}
	before := m.state
	m.apply(m.configured().with("rotation_trigger", trigger("next")))
	expectRotated(t, before.with("hint", "none"), m)
	p.expectStatus(t, m.agentID(), m.secretID(), api.Active)
}
