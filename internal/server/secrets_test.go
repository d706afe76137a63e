package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

const (
	idA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	idB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	idC = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
)

// holder makes an agent without a secret and returns where its secrets are.
func holder(t *testing.T) (*rig, string) {
	g := newRig(t)
	return g, service + g.bare("bot") + "/secrets"
}

func (g *rig) put(at, id, value string, headers ...string) answer {
	g.t.Helper()
	return g.send("PUT", at+"/"+id, `{"secretValue":"`+value+`"}`, headers...)
}

// TestAddSecret: the value is in the answer only when the server made it.
func TestAddSecret(t *testing.T) {
	g, at := holder(t)
	a := g.send("POST", at, `{"expiresAt":4000000000}`).is(201)
	made := a.json()
	id, _ := made["secretId"].(string)
	value, _ := made["secretValue"].(string)
	want := map[string]any{
		"secretId":    id,
		"secretValue": value,
		"expiresAt":   4000000000.0,
		"createdAt":   float64(g.clock.now().UnixMilli()),
		"status":      "ACTIVE",
		"latest":      true,
		"hint":        value[max(0, len(value)-4):],
		"createdBy":   "ann",
	}
	if diff := cmp.Diff(want, made); diff != "" || !strings.HasPrefix(value, "agcs_") {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if got := a.header.Get("Location"); got != base+at+"/"+id {
		t.Errorf("Location = %q, want %q", got, base+at+"/"+id)
	}
	delete(want, "secretValue")
	if diff := cmp.Diff(want, g.send("GET", at+"/"+id, "").is(200).json()); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if a := g.send("POST", at, `{"secretValue":"`+strong+`"}`).is(201); strings.Contains(a.body, "secretValue") {
		t.Errorf("a value that the caller chose comes back: %s", a.body)
	}
	if list := decodeAs[api.SecretList](g.send("GET", at, "").is(200)); list.Count != 2 || list.List[0].Hint != "" {
		t.Errorf("list = %+v", list)
	}
}

// TestPutSecret is idempotent: the same again is 200 and changes nothing,
// whatever else the request says; anything else under that id is 409.
func TestPutSecret(t *testing.T) {
	g, at := holder(t)
	first := g.put(at, idA, strong).is(201)
	if again := g.put(at, idA, strong).is(200); again.body != first.body {
		t.Errorf("the same again answers\n%s, want\n%s", again.body, first.body)
	}
	g.put(at, idA, stronger).code(409, api.CodeUsedID)
	g.put(at, idB, strong).is(201)
	for name, a := range map[string]answer{
		"beyond the limit": g.put(at, idA, strong),
		"stale":            g.put(at, idA, strong, "If-Match", `"`+idC+`"`),
		"not the first":    g.put(at, idA, strong, "If-None-Match", "*"),
	} {
		if a.status != 200 {
			t.Errorf("the same again, %s = %d, want 200", name, a.status)
		}
	}
	g.put(at, idC, stronger).code(409, api.CodeLimit)
	g.send("DELETE", at+"/"+idA, "").is(204)
	g.put(at, idA, strong).code(409, api.CodeUsedID)
	g.put(at, idC, stronger).is(201)

	for _, id := range []string{"x", strings.ToUpper(idA), "{" + idA + "}", strings.ReplaceAll(idA, "-", ""), idA + "%0a", "urn:uuid:" + idA} {
		if says := g.put(at, id, strong).code(400, api.CodeInvalid); !strings.Contains(says, "UUID") {
			t.Errorf("PUT %s: %s", id, says)
		}
	}
	for _, body := range []string{`{}`, `{"secretValue":""}`, `{"secretValue":null}`} {
		if says := g.send("PUT", at+"/"+idC, body).code(400, api.CodeInvalid); !strings.Contains(says, "secretValue") {
			t.Errorf("PUT %s: %s", body, says)
		}
	}
	g.put(service+"unknown/secrets", idA, strong).code(404, api.CodeNoAgent)
}

// TestPreconditions: one strong id in If-Match, or "If-None-Match: *". What
// would mean something else is refused.
func TestPreconditions(t *testing.T) {
	g, at := holder(t)
	g.put(at, idA, strong, "If-Match", `"`+idA+`"`).code(412, api.CodeStale)
	g.put(at, idA, strong, "If-None-Match", `*`).is(201)
	g.put(at, idB, strong, "If-None-Match", `*`).code(412, api.CodeStale)
	for name, headers := range map[string][]string{
		"any":             {"If-Match", `*`},
		"weak":            {"If-Match", `W/"` + idA + `"`},
		"list":            {"If-Match", `"` + idA + `", "` + idB + `"`},
		"without quotes":  {"If-Match", idA},
		"empty":           {"If-Match", `""`},
		"both":            {"If-Match", `"` + idA + `"`, "If-None-Match", `*`},
		"not this secret": {"If-None-Match", `"` + idA + `"`},
	} {
		g.put(at, idB, strong, headers...).code(400, api.CodeInvalid)
		g.send("POST", at, `{}`, headers...).code(400, api.CodeInvalid)
		if a := g.send("DELETE", at+"/"+idA, "", headers...); a.status != 400 {
			t.Errorf("DELETE with If-Match %s = %d, want 400", name, a.status)
		}
	}
	g.put(at, idB, strong, "If-Match", `"`+idA+`"`).is(201)
	g.send("POST", at, `{"revoke":["`+idA+`"]}`, "If-Match", `"`+idA+`"`).code(412, api.CodeStale)
	g.send("DELETE", at+"/"+idA, "", "If-Match", `"`+idA+`"`).code(412, api.CodeStale)
	g.send("DELETE", at+"/"+idA, "", "If-Match", `"`+idB+`"`).is(204)
	g.send("DELETE", service+"unknown/secrets/"+idA, "", "If-Match", `"`+idB+`"`).code(404, api.CodeNoAgent)
}

// TestRotation retires one secret by another, and moves its end.
func TestRotation(t *testing.T) {
	g, at := holder(t)
	g.put(at, idA, strong).is(201)
	g.clock.move(time.Minute)
	grace := g.clock.now().Add(time.Hour).Unix()
	rotate := func(previous string, at int64) string {
		return fmt.Sprintf(`{"secretValue":%q,"previous":{"secretId":%q,"expiresAt":%d}}`, stronger, previous, at)
	}
	g.send("PUT", at+"/"+idB, rotate("unknown", grace)).code(404, api.CodeNoSecret)
	if b := decodeAs[api.Secret](g.send("PUT", at+"/"+idB, rotate(idA, grace)).is(201)); !b.Latest || b.Status != api.Active {
		t.Errorf("new secret = %+v", b)
	}
	state := func() map[string]api.Secret {
		t.Helper()
		list := decodeAs[api.SecretList](g.send("GET", at, "").is(200))
		out := map[string]api.Secret{}
		for _, s := range list.List {
			out[s.SecretID] = s
		}
		if len(out) != list.Count {
			t.Errorf("count = %d of %d", list.Count, len(out))
		}
		return out
	}
	if a := state()[idA]; a.Status != api.Retiring || a.ExpiresAt != grace || a.Latest {
		t.Errorf("old secret = %+v, want it retiring until %d", a, grace)
	}
	patch := func(id, expires string) answer { return g.send("PATCH", at+"/"+id, `{"expiresAt":`+expires+`}`) }
	if a := decodeAs[api.Secret](patch(idA, fmt.Sprint(grace-60)).is(200)); a.ExpiresAt != grace-60 {
		t.Errorf("moved end = %+v", a)
	}
	patch(idA, "0").code(400, api.CodeInvalid) // it is retiring: it needs an end
	patch(idB, "null").code(400, api.CodeInvalid)
	g.send("PATCH", at+"/"+idB, `{}`).code(400, api.CodeInvalid)
	patch(idC, "0").code(404, api.CodeNoSecret)
	g.clock.move(2 * time.Hour)
	if a := state()[idA]; a.Status != api.Expired {
		t.Errorf("after its end: %+v", a)
	}
	patch(idA, fmt.Sprint(g.clock.now().Add(time.Hour).Unix())).code(409, api.CodeDead)
	g.send("PUT", at+"/"+idC, `{"secretValue":"`+strong+`","revoke":["`+idB+`"]}`).is(201)
	if got := state(); got[idB].Status != api.Revoked || !got[idC].Latest {
		t.Errorf("after the revoking rotation: %+v", got)
	}
	if got := slices.Sorted(maps.Keys(state())); !slices.Equal(got, []string{idA, idB, idC}) {
		t.Errorf("secrets = %v", got)
	}
}

func TestRevokeSecret(t *testing.T) {
	g, at := holder(t)
	g.put(at, idA, strong).is(201)
	g.send("DELETE", at+"/"+idA, "").is(204) // the last one too
	g.send("DELETE", at+"/"+idA, "").is(204) // and again
	if s := decodeAs[api.Secret](g.send("GET", at+"/"+idA, "").is(200)); s.Status != api.Revoked || !s.Latest {
		t.Errorf("revoked secret = %+v", s)
	}
	g.send("DELETE", at+"/"+idB, "").code(404, api.CodeNoSecret)
	g.send("GET", at+"/"+idB, "").code(404, api.CodeNoSecret)
	g.send("GET", service+"unknown/secrets", "").code(404, api.CodeNoAgent)
	g.send("GET", service+"unknown/secrets/"+idA, "").code(404, api.CodeNoAgent)
}

// TestBlockedAgent: a blocked agent does not rotate, and gets a secret all the
// same when that changes nothing else.
func TestBlockedAgent(t *testing.T) {
	g, at := holder(t)
	g.put(at, idA, strong).is(201)
	id := strings.Split(at, "/")[5]
	g.send("PATCH", agents+"/"+id, `{"Operations":[{"op":"replace","path":"active","value":false}]}`).is(200)
	g.put(at, idB, strong, "If-Match", `"`+idA+`"`).code(409, api.CodeBlocked)
	g.send("POST", at, `{}`).is(201)
}

// TestTwoAgents: the secret of one agent is not reachable below another.
func TestTwoAgents(t *testing.T) {
	g, at := holder(t)
	g.put(at, idA, strong).is(201)
	other := service + g.bare("other") + "/secrets"
	for _, method := range []string{"GET", "DELETE"} {
		g.send(method, other+"/"+idA, "").code(404, api.CodeNoSecret)
	}
	g.send("PATCH", other+"/"+idA, `{"expiresAt":4000000000}`).code(404, api.CodeNoSecret)
	g.send("POST", other, `{"revoke":["`+idA+`"]}`).code(404, api.CodeNoSecret)
	g.put(other, idA, stronger).is(201) // ids are an agent's own
	if s := decodeAs[api.Secret](g.send("GET", at+"/"+idA, "").is(200)); s.Status != api.Active {
		t.Errorf("the first agent's secret is %s", s.Status)
	}
}
