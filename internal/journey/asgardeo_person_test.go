//go:build unix

package journey_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// asPerson makes one id a person's, as any id on a WSO2 server may be.
func asPerson(id string) alteration {
	return replace("/scim2/Agents", fmt.Sprintf(`"userName":"AGENT/%s"`, id), `"userName":"DEFAULT/jane"`)
}

// everything is all that a server keeps, and all that ever happened there: the
// agents with when their secrets were set, the roles, and the audit trail.
func (s *server) everything() string {
	s.t.Helper()
	var all []json.RawMessage
	for _, path := range []string{"/scim2/Agents?count=100", "/scim2/v2/Roles?count=100", "/api/server/v1/audit/events?limit=100"} {
		var page json.RawMessage
		s.get(path, &page)
		all = append(all, page)
	}
	data, err := json.Marshal(all)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// importOf imports a resource of a kind, and declares it.
func importOf(kind, id, body string) string {
	name := strings.TrimSuffix("agentcreds_agent_"+kind, "_") + ".jane"
	return fmt.Sprintf("\nimport {\n  to = %s\n  id = %q\n}\n\nresource %q \"jane\" {\n  %s\n}\n", name, id, strings.TrimSuffix(name, ".jane"), body)
}

// TestJourney_asgardeoPerson: a configuration that has the id of a person where
// an agent's belongs changes nothing, whatever it declares, and says why.
func TestJourney_asgardeoPerson(t *testing.T) {
	t.Parallel()
	begin := newWorkspace(t, "")
	s := serve(t, begin.path(database), "--profile", "asgardeo", "--rate-limit", "0")
	judge := serve(t, begin.path(database)) // has the audit trail
	var person, agent struct {
		ID string `json:"id"`
	}
	for _, out := range []any{&person, &agent} {
		if _, err := s.call(http.MethodPost, "/scim2/Agents", map[string]any{agentSchema: map[string]string{"DisplayName": "First"}}, out); err != nil {
			t.Fatal(err)
		}
	}
	var role struct {
		ID string `json:"id"`
	}
	if _, err := s.call(http.MethodPost, "/scim2/v2/Roles", map[string]any{"displayName": "reader", "permissions": []map[string]string{{"value": "tickets:read"}}}, &role); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"agent, imported":  importOf("", "JANE", "display_name = \"Not Jane\"\n  enabled      = false"),
		"secret":           "\nresource \"agentcreds_agent_secret\" \"jane\" {\n  agent_id = \"JANE\"\n}\n",
		"secret, replaced": "\nresource \"agentcreds_agent_secret\" \"jane\" {\n  agent_id    = \"JANE\"\n  on_existing = \"replace\"\n}\n",
		"secret, imported": importOf("secret", "JANE", "agent_id         = \"JANE\"\n  rotation_trigger = { by = \"me\" }"),
		"blue":             "\nresource \"agentcreds_agent_pair\" \"jane\" {\n  blue_agent_id  = \"JANE\"\n  green_agent_id = \"AGENT\"\n}\n",
		"green":            "\nresource \"agentcreds_agent_pair\" \"jane\" {\n  blue_agent_id  = \"AGENT\"\n  green_agent_id = \"JANE\"\n}\n",
		"blue, imported":   importOf("pair", "JANE/AGENT", "blue_agent_id  = \"JANE\"\n  green_agent_id = \"AGENT\""),
		"green, imported":  importOf("pair", "AGENT/JANE", "blue_agent_id  = \"AGENT\"\n  green_agent_id = \"JANE\""),
		"role, imported":   importOf("role", "ROLE/JANE", "agent_id = \"JANE\"\n  role_id  = \"ROLE\""),
		"role":             "\nresource \"agentcreds_agent_role\" \"jane\" {\n  agent_id = \"JANE\"\n  role_id  = \"ROLE\"\n}\n",
		"key":              "\nresource \"agentcreds_agent_key\" \"jane\" {\n  agent_id   = \"JANE\"\n  public_jwk = jsonencode({ kty = \"OKP\", crv = \"Ed25519\", x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\" })\n}\n",
		"certificate":      "\nresource \"agentcreds_agent_certificate\" \"jane\" {\n  agent_id   = \"JANE\"\n  subject_dn = \"CN=jane\"\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			px := newProxy(t, s.url)
			px.change(asPerson(person.ID))
			w := newWorkspace(t, header+remote+strings.NewReplacer("JANE", person.ID, "AGENT", agent.ID, "ROLE", role.ID).Replace(text))
			w.env = append(s.env(px.url), "AGENTCREDS_REQUESTS_PER_MINUTE=600000")
			was := judge.everything()
			r := w.run("apply")
			if is := judge.everything(); is != was {
				t.Errorf("the server has changed from\n%s\nto\n%s", was, is)
			}
			said := strings.Join(strings.Fields(strings.ReplaceAll(r.stderr, "│", " ")), " ")
			why := []string{"AGENT/", "not an agent"}
			if name == "key" || name == "certificate" {
				why = []string{"plain WSO2 server"}
			}
			for _, word := range why {
				if r.code == 0 || !strings.Contains(strings.ToLower(said), strings.ToLower(word)) {
					t.Errorf("it does not say %q: %s", word, r)
				}
			}
			if st := w.state(); len(st.Resources) > 0 {
				t.Errorf("the state has %v", st)
			}
			for _, q := range px.log() {
				if q.writes() {
					t.Errorf("%s was asked for", q)
				}
			}
		})
	}
	s.stop()
	judge.stop()
}
