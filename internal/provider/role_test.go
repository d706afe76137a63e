package provider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

const (
	roleType = "agentcreds_agent_role"
	roleID   = "97e4626a-b16e-4735-9896-536bc4f4481e"
)

// roles adds one role to a server that has none of its own: the members of it,
// in the forms of both versions of WSO2's API. No real server of ours has them.
type roles struct {
	http.Handler
	mu      sync.Mutex
	members []string
	old     bool     // there is no version 3
	sent    []string // the bodies
}

func (s *roles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v3, v2 := r.URL.Path == "/scim2/v3/Roles/"+roleID+"/Users", r.URL.Path == "/scim2/v2/Roles/"+roleID
	switch {
	case r.Method == http.MethodPatch && (v3 && !s.old || v2):
		s.patch(w, r, v3)
	case strings.Contains(r.URL.Path, "/Roles/"):
		scim(http.StatusNotFound, "Specified resource (e.g., User) or endpoint does not exist.")(w, r)
	default:
		s.agents(w, r)
	}
}

// patch knows the forms that WSO2's tests send, and nothing else.
func (s *roles) patch(w http.ResponseWriter, r *http.Request, v3 bool) {
	data, _ := io.ReadAll(r.Body)
	var p struct {
		Operations []struct {
			Op, Path string
			Value    []struct{ Value string }
		}
	}
	if err := json.Unmarshal(data, &p); err != nil || len(p.Operations) != 1 {
		scim(http.StatusBadRequest, "what?")(w, r)
		return
	}
	s.sent = append(s.sent, string(data))
	op := p.Operations[0]
	member, isOne := strings.CutPrefix(op.Path, "value eq ")
	if !v3 {
		member, isOne = strings.CutPrefix(op.Path, "users[value eq ")
		member = strings.TrimSuffix(member, "]")
	}
	switch {
	case op.Op == "add" && len(op.Value) == 1 && (op.Path == "users" || v3 && op.Path == ""):
		if !slices.Contains(s.members, op.Value[0].Value) {
			s.members = append(s.members, op.Value[0].Value)
		}
	case op.Op == "remove" && isOne:
		s.members = slices.DeleteFunc(s.members, func(id string) bool { return id == member })
	default:
		s.members = nil // a bare remove removes everybody
	}
	says(http.StatusOK, api.MediaType, `{"id":"`+roleID+`"}`)(w, r)
}

// agents adds the role to the agents that have it.
func (s *roles) agents(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	s.Handler.ServeHTTP(rec, r)
	body := rec.Body.String()
	for _, id := range s.members {
		mark := `"id":"` + id + `"`
		body = strings.ReplaceAll(body, mark, mark+`,"roles":[{"value":"`+roleID+`","display":"reader"}]`)
	}
	if strings.Contains(body, `"display":"reader"`) { // a name twice is no JSON that everybody reads the same
		body = strings.ReplaceAll(body, `"roles":[{"value":"`+everyone(body)+`"`, `"others":[{"value":"`+everyone(body)+`"`)
	}
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	w.Header().Set("Date", rec.Header().Get("Date"))
	w.WriteHeader(rec.Code)
	_, _ = w.Write([]byte(body))
}

// everyone is the id of the role that all have.
func everyone(body string) string {
	_, rest, _ := strings.Cut(body, "/scim2/v2/Roles/")
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// TestRole: an agent gets a role and loses it, and nobody else does.
func TestRole(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]bool{"v3": false, "v2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newAsgardeo(t)
			s := &roles{Handler: p.remote.handler, old: old, members: []string{"jane"}}
			p.remote.handler = s
			agent := p.newAgent(t, nil)
			config := attrs{"role_id": roleID, "agent_id": agent.id()}
			m := p.resource(t, roleType)
			m.apply(config)
			agent.refresh()
			held, _ := agent.state["roles"].([]any)
			if !slices.Equal(s.members, []string{"jane", agent.id()}) || !slices.Contains(held, any("reader")) {
				t.Errorf("members %v, roles of the agent %v", s.members, agent.state["roles"])
			}
			imported := p.resource(t, roleType)
			if d := imported.importBy(roleID + "/" + agent.id()); len(d) > 0 || imported.apply(config) != noAction {
				t.Errorf("the import: %v", d)
			}
			s.members = []string{"jane"} // by hand
			if did := m.apply(config); did != creates {
				t.Errorf("a membership that is gone: %s", did)
			}
			m.apply(nil)
			if !slices.Equal(s.members, []string{"jane"}) {
				t.Errorf("members %v; sent %q", s.members, s.sent)
			}
			_, d := p.imports(t, roleType, roleID+"/"+agent.id(), nil)
			mustSay(t, "the import", d, "does not have the role")
			_, d = p.imports(t, roleType, roleID, nil)
			mustSay(t, "the import", d, "<role_id>/<agent_id>")
			for _, bad := range []attrs{config.with("agent_id", `x] or users[value ne `), config.with("role_id", "../Users")} {
				_, d = p.resource(t, roleType).try(bad)
				mustSay(t, "an id that is none", d, "is not the id of")
			}
			_, d = p.resource(t, roleType).try(config.with("role_id", "11111111-2222-4333-8444-555555555555"))
			mustSay(t, "an unknown role", d, "Cannot give the agent a role", "404")
		})
	}
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	_, d := p.resource(t, roleType).try(attrs{"role_id": roleID, "agent_id": agent.id()})
	mustSay(t, "the reference server", d, "The server has no roles", "scopes")
}
