package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// FuzzPatch holds two laws: a PATCH that is carried out twice leaves what it
// leaves when carried out once, and one that is refused leaves nothing.
func FuzzPatch(f *testing.F) {
	for _, p := range patches {
		f.Add(p.body)
	}
	f.Add(`{"op":"remove","path":"` + api.AttrRevokedAt + `"}`)
	f.Add(`{"op":"replace","path":"password","value":"` + "agcs_" + `"}`)
	shared := newRig(f)
	f.Fuzz(func(t *testing.T, ops string) {
		g := shared.in(t)
		id := g.create(full).ID
		defer g.send("DELETE", agents+"/"+id, "")
		before := still(g.get(id))
		patch := func() answer {
			return g.send("PATCH", agents+"/"+id, `{"Operations":[`+strings.ReplaceAll(ops, "{id}", id)+`]}`)
		}
		switch a := patch(); a.status {
		case 200:
			once := still(a.agent())
			if diff := cmp.Diff(once, still(g.get(id))); diff != "" {
				t.Errorf("%s answered what is not there (-answer +read):\n%s", ops, diff)
			}
			if diff := cmp.Diff(once, still(patch().is(200).agent())); diff != "" {
				t.Errorf("%s twice (-once +twice):\n%s", ops, diff)
			}
		case 400, 406, 409, 413:
			if diff := cmp.Diff(before, still(g.get(id))); diff != "" {
				t.Errorf("%s was refused with %s and changed (-before +after):\n%s", ops, a.body, diff)
			}
		default:
			t.Errorf("%s = %d %s", ops, a.status, a.body)
		}
	})
}

// still is an agent without what a new password moves.
func still(a api.Agent) api.Agent {
	if a.System != nil {
		a.System.LastPasswordUpdateTime = ""
	}
	return a
}

// FuzzRequest holds that every request gets an answer in the dialect of its
// path, whose body tells its status, and that none is a fault of the server.
func FuzzRequest(f *testing.F) {
	shared := newRig(f)
	id := shared.bare("bot")
	for route, sample := range samples {
		method, pattern, _ := strings.Cut(route, " ")
		fill := strings.NewReplacer("{id}", id, "{secretId}", newID)
		f.Add(method, fill.Replace(pattern), "filter=id+eq+x&count=1", fill.Replace(sample.body), scim)
	}
	f.Fuzz(func(t *testing.T, method, path, query, body, media string) {
		g := shared.in(t)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		req.Method, req.URL.Path, req.URL.RawQuery = method, path, query
		req.Header.Set("Authorization", admin)
		req.Header.Set("Content-Type", media)
		a := g.do(req)
		if a.status >= 500 && a.status != http.StatusNotImplemented {
			t.Errorf("%q = %d %s\n%s", a.what, a.status, a.body, g.log)
		}
		if a.header.Get("Date") == "" {
			t.Errorf("%q has no Date", a.what)
		}
		if a.status < 400 || method == http.MethodHead {
			return
		}
		if strings.HasPrefix(path, "/scim2/") {
			if e := decodeAs[api.ScimError](a); e.Status != itoa(a.status) || e.Detail == "" {
				t.Errorf("%q = %d %s", a.what, a.status, a.body)
			}
		} else if e := decodeAs[api.ServerError](a); e.Code == "" || e.Message == "" || !json.Valid([]byte(a.body)) {
			t.Errorf("%q = %d %s", a.what, a.status, a.body)
		}
	})
}
