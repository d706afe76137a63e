package apitest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/apitest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// quirk is what a WSO2 server may do differently from the profile: WSO2-WIRE
// has it from somewhere, or leaves it open. It changes a request on its way to
// the profile, or the answer on its way back.
type quirk struct {
	ask   func(r *http.Request) *http.Request
	agent func(m map[string]any, listed bool) // each agent of an answer
	list  func(m map[string]any)
	end   func(r *http.Request, a *httptest.ResponseRecorder)
	// without names a test of the suite that asks for what such a server has
	// not; loose: who looks for agents sees it.
	without string
	loose   bool
}

// over has the request answered by the profile.
func (q quirk) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q.ask != nil {
			r = q.ask(r)
		}
		a := httptest.NewRecorder()
		if r != nil {
			next.ServeHTTP(a, r)
		} else {
			scimError(a, http.StatusBadRequest, "InvalidFilter", "Filtering by this attribute is not supported.")
		}
		var m map[string]any
		if a.Code/100 == 2 && json.Unmarshal(a.Body.Bytes(), &m) == nil && strings.HasPrefix(r.URL.Path, api.PathAgents) {
			list, listed := m["Resources"].([]any)
			for _, one := range list {
				if agent, ok := one.(map[string]any); ok {
					q.change(agent, true)
				}
			}
			switch _, counted := m["totalResults"]; {
			case counted && q.list != nil:
				q.list(m)
			case !counted && !listed:
				q.change(m, false)
			}
			a.Body = &bytes.Buffer{}
			_ = json.NewEncoder(a.Body).Encode(m)
		}
		if q.end != nil && r != nil {
			q.end(r, a)
		}
		a.Header().Del("Content-Length")
		maps.Copy(w.Header(), a.Header())
		w.WriteHeader(a.Code)
		if a.Code != http.StatusNoContent {
			_, _ = w.Write(a.Body.Bytes())
		}
	})
}

func (q quirk) change(agent map[string]any, listed bool) {
	if q.agent != nil {
		q.agent(agent, listed)
	}
}

func scimError(w http.ResponseWriter, status int, scimType, detail string) {
	w.Header().Set("Content-Type", api.MediaType)
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"schemas":[%q],"scimType":%q,"detail":%q,"status":"%d"}`, api.SchemaError, scimType, detail, status)
}

// part is a member that is an object.
func part(m map[string]any, name string) map[string]any {
	inner, _ := m[name].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
	}
	return inner
}

// withQuery changes the query of a list.
func withQuery(change func(q map[string][]string)) func(*http.Request) *http.Request {
	return func(r *http.Request) *http.Request {
		if r.Method == http.MethodGet && r.URL.Path == api.PathAgents {
			r = r.Clone(r.Context())
			q := r.URL.Query()
			change(q)
			r.URL.RawQuery = q.Encode()
		}
		return r
	}
}

var quirks = map[string]quirk{
	"changes are answered 204": {end: func(r *http.Request, a *httptest.ResponseRecorder) {
		if (r.Method == http.MethodPatch || r.Method == http.MethodPut) && a.Code == http.StatusOK {
			a.Code = http.StatusNoContent
		}
	}},
	"pages have at most three agents": {
		ask: withQuery(func(q map[string][]string) { q["count"] = []string{"3"} }),
	},
	"totalResults is the size of the page": {
		ask:  withQuery(func(q map[string][]string) { q["count"] = []string{"4"} }),
		list: func(m map[string]any) { m["totalResults"] = m["itemsPerPage"] },
	},
	"totalResults is nonsense": {list: func(m map[string]any) { m["totalResults"] = 1_000_000 }},
	"numbers of a list are texts": {list: func(m map[string]any) {
		for _, name := range []string{"totalResults", "itemsPerPage", "startIndex"} {
			if n, ok := m[name].(float64); ok {
				m[name] = strconv.Itoa(int(n))
			}
		}
	}},
	"an empty list has no schemas": {list: func(m map[string]any) {
		if m["totalResults"] == 0.0 {
			delete(m, "schemas")
			delete(m, "Resources")
		}
	}},
	"lists show names alone": {agent: func(m map[string]any, listed bool) {
		if listed {
			delete(m, api.SchemaWSO2)
			delete(m, "roles")
			m[api.SchemaWSO2Agent] = map[string]any{}
		}
	}},
	"lists filter nothing": {loose: true, ask: withQuery(func(q map[string][]string) { delete(q, "filter") })},
	"a filter is refused": {without: "FindAgents", ask: func(r *http.Request) *http.Request {
		if r.URL.Query().Has("filter") {
			return nil
		}
		return r
	}},
	"texts where there were booleans and numbers, and the other way round": {agent: func(m map[string]any, _ bool) {
		m["active"] = "true"
		system := part(m, api.SchemaWSO2)
		if text, ok := system["lastPasswordUpdateTime"].(string); ok {
			n, _ := strconv.ParseInt(text, 10, 64)
			system["lastPasswordUpdateTime"] = n
		}
		if locked, ok := system["accountLocked"].(bool); ok {
			system["accountLocked"] = strconv.FormatBool(locked)
		}
		part(m, api.SchemaWSO2Agent)["IsUserServingAgent"] = "false"
	}},
	"attributes of a tenant": {agent: func(m map[string]any, _ bool) {
		m["groups"], m["emails"], m["name"] = []any{map[string]any{"display": "g"}}, []any{"a@b"}, nil
		profile := part(m, api.SchemaWSO2Agent)
		profile["NotificationChannels"], profile["Limits"] = []any{"email", "sms"}, map[string]any{"a": 1}
		profile["IsUserServingAgent"], profile["Url"], profile["Level"] = nil, nil, 3
		m[api.SchemaWSO2Agent] = profile
		m["urn:scim:schemas:extension:custom:User"] = map[string]any{"x": []any{1}}
	}},
	"roles have more than texts, and one stands alone": {agent: func(m map[string]any, _ bool) {
		roles, _ := m["roles"].([]any)
		for _, one := range roles {
			if role, ok := one.(map[string]any); ok {
				role["permissions"], role["type"] = []any{1}, nil
			}
		}
		if len(roles) == 1 {
			m["roles"] = roles[0]
		} else if len(roles) > 1 {
			m["roles"] = append(roles, nil)
		}
	}},
	"times have no zone": {agent: func(m map[string]any, _ bool) {
		meta := part(m, "meta")
		for _, name := range []string{"created", "lastModified"} {
			text, _ := meta[name].(string)
			meta[name] = strings.TrimSuffix(text, "Z")
		}
	}},
}

// TestQuirks: whatever of these a server does, the client means the same.
func TestQuirks(t *testing.T) {
	for name, q := range quirks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := q.over(newAsgardeo(t))
			check := apitest.Run
			if q.loose {
				check = apitest.Compare
			}
			check(t, func(t *testing.T) *client.Client {
				if q.without != "" && strings.HasSuffix(t.Name(), "/"+q.without) {
					t.Skip("the server has nothing of the kind")
				}
				return clientOf(t, h)
			})
		})
	}
}
