package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// page is a list of agents by their names.
type page struct {
	Total, Start, Items int
	Names               []string
}

func (a answer) page() page {
	a.t.Helper()
	list := decodeAs[api.List[api.Agent]](a.is(200))
	if !slices.Equal(list.Schemas, []string{api.SchemaList}) {
		a.t.Errorf("%s: schemas = %v", a.what, list.Schemas)
	}
	p := page{list.TotalResults, list.StartIndex, list.ItemsPerPage, nil}
	for _, r := range list.Resources {
		p.Names = append(p.Names, r.Profile.DisplayName)
	}
	return p
}

// people makes agents that differ in what a filter can look at.
func (g *rig) people() (ids []string) {
	g.t.Helper()
	for _, a := range []string{
		`"externalId":"E-1","urn:scim:wso2:agent:schema":{"DisplayName":"Foo Bot","Description":"100% \"good\"","Owner":"ann@org","Url":"https://one"}`,
		`"externalId":"e-2","urn:scim:wso2:agent:schema":{"DisplayName":"foobar","Owner":"bob@org"}`,
		`"urn:scim:wso2:agent:schema":{"DisplayName":"Bar","Description":"a_b","Url":"https://two"}`,
	} {
		g.clock.move(time.Second)
		ids = append(ids, g.create(`{`+a+`,"`+api.SchemaCredentials+`":{"secret":"none"}}`).ID)
	}
	return ids
}

func TestFilter(t *testing.T) {
	g := newRig(t)
	ids := g.people()
	for _, tt := range []struct {
		filter string
		want   string // names, joined
	}{
		{``, "Foo Bot,foobar,Bar"},
		{`urn:scim:wso2:agent:schema.DisplayName co foo`, "Foo Bot,foobar"}, // as the console writes it
		{`urn:scim:wso2:agent:schema:DisplayName co foo`, "Foo Bot,foobar"},
		{`urn:scim:wso2:agent:schema:displayname CO "foo"`, "Foo Bot,foobar"},
		{`DisplayName co foo`, "Foo Bot,foobar"},
		{`displayName sw "foo b"`, "Foo Bot"},
		{`displayName ew bar`, "foobar,Bar"},
		{`displayName eq bar`, "Bar"},
		{`displayName eq ba`, ""},
		{`displayName co %`, ""},
		{`Description co %`, "Foo Bot"},
		{`Description co "\"good\""`, "Foo Bot"},
		{`Description co _`, "Bar"},
		{`Owner ew @org`, "Foo Bot,foobar"},
		{`owner eq ann@org and displayName co bot`, "Foo Bot"},
		{`owner eq ann@org AND displayName co bar`, ""},
		{`externalId eq E-1`, "Foo Bot"},
		{`externalId eq e-1`, ""}, // letter case counts
		{`externalid eq e-2`, "foobar"},
		{`urn:ietf:params:scim:schemas:core:2.0:User:externalId eq e-2`, "foobar"},
		{`urn:scim:wso2:agent:schema:Url eq https://two`, "Bar"},
		{`urn:scim:wso2:agent:schema.Url sw https`, "Foo Bot,Bar"},
		{`urn:scim:wso2:agent:schema:Unknown eq x`, ""},
		{`id eq ` + ids[1], "foobar"},
		{`id sw ` + ids[1][:13], "foobar"},
		{`id eq ` + strings.ToUpper(ids[1]), ""},
		{`userName eq AGENT/` + ids[1], "foobar"},
		{`username eq agent/` + strings.ToUpper(ids[1]), "foobar"},
		{`urn:ietf:params:scim:schemas:core:2.0:User:userName eq AGENT/` + ids[1], "foobar"},
		{`userName eq ` + ids[1], ""},
		{`userName eq adr-ai-assistant`, ""},
		{`userName eq PRIMARY/` + ids[1], ""},
		{`userName sw AGENT/`, "Foo Bot,foobar,Bar"},
		{`userName sw AG`, "Foo Bot,foobar,Bar"},
		{`userName sw AGENT/` + ids[1][:13], "foobar"},
		{`userName sw ` + ids[1][:13], ""},
		{`userName co gent/` + ids[1][:13], "foobar"},
		{`userName co ` + ids[1][9:], "foobar"},
		{`userName co GEN`, "Foo Bot,foobar,Bar"},
		{`userName co x/` + ids[1], ""},
		{`userName ew ` + ids[1][20:], "foobar"},
		{`userName ew T/` + ids[1], "foobar"},
		{`userName ew X/` + ids[1], ""},
		{`userName ew T/`, ""},
	} {
		get := g.send("GET", agents+"?filter="+url.QueryEscape(tt.filter), "").page()
		body := fmt.Sprintf(`{"schemas":[%q],"filter":%q}`, api.SchemaSearch, tt.filter)
		post := g.send("POST", agents+"/.search", body).page()
		if got := strings.Join(get.Names, ","); got != tt.want || get.Total != len(get.Names) {
			t.Errorf("filter %s gives %q (%d), want %q", tt.filter, got, get.Total, tt.want)
		}
		if diff := cmp.Diff(get, post); diff != "" {
			t.Errorf("filter %s: GET and .search differ:\n%s", tt.filter, diff)
		}
	}
}

func TestFilterRefused(t *testing.T) {
	g := newRig(t)
	for filter, says := range map[string]string{
		`id`:                    "operator is expected",
		`id eq`:                 "value is expected",
		`id pr`:                 `\"pr\" is not supported`,
		`id eq 1 or id eq 2`:    `\"or\" is not supported`,
		`not (id eq 1)`:         "not supported",
		`(id eq 1)`:             "attribute name",
		`id eq "1`:              "not a JSON string",
		`id eq 1 and`:           "comparison is expected",
		`emails eq x`:           `by \"emails\"`,
		`urn:x:y eq x`:          "urn:x:y",
		`password eq x`:         "password",
		`meta.created eq x`:     "meta.created",
		api.AttrSecrets + ` eq`: "value is expected",
		api.SchemaCredentials + `:ownerToken eq x`:           "ownerToken",
		`urn:scim:wso2:schema:accountLocked eq true`:         "accountLocked",
		`urn:scim:wso2:agent:schema:IsUserServingAgent eq 1`: "IsUserServingAgent",
		`urn:scim:wso2:agent:schema eq 1`:                    "urn:scim:wso2:agent:schema",
		`urn:scim:wso2:agent:schema:a'b eq 1`:                "a'b",
		`id eq ` + strings.Repeat("x", 4096):                 "4096",
		strings.Repeat("id eq 1 and ", 20) + "id eq 1":       "20 are possible",
	} {
		a := g.send("GET", agents+"?filter="+url.QueryEscape(filter), "").is(400)
		if a.json()["scimType"] != "InvalidFilter" || !strings.Contains(a.body, says) {
			t.Errorf("filter %q answers %s, want a text that says %s", filter, a.body, says)
		}
	}
}

// TestPages walks through the agents in every way that a client may.
func TestPages(t *testing.T) {
	g := newRig(t)
	g.people()
	all := []string{"Foo Bot", "foobar", "Bar"}
	for _, tt := range []struct {
		query string
		body  string
		want  page
	}{
		{"", `{}`, page{3, 1, 3, all}},
		{"?count=2", `{"count":2}`, page{3, 1, 2, all[:2]}},
		{"?startIndex=2", `{"startIndex":2}`, page{3, 2, 2, all[1:]}},
		{"?startIndex=2&count=1", `{"startIndex":2,"count":1}`, page{3, 2, 1, all[1:2]}},
		{"?startIndex=4", `{"startIndex":4}`, page{3, 4, 0, nil}},
		{"?startIndex=0", `{"startIndex":0}`, page{3, 1, 3, all}},
		{"?startIndex=-7", `{"startIndex":-7}`, page{3, 1, 3, all}},
		{"?count=0", `{"count":0}`, page{0, 1, 0, nil}},
		{"?count=-1", `{"count":-1}`, page{0, 1, 0, nil}},
		{"?count=100000", `{"count":100000}`, page{3, 1, 3, all}},
		{"?startIndex=9223372036854775807", `{"startIndex":9223372036854775807}`, page{3, 1<<63 - 1, 0, nil}},
		{"?domain=PRIMARY", `{"domain":"PRIMARY"}`, page{3, 1, 3, all}},
		{"?count=2&filter=displayName+co+bar", `{"count":2,"filter":"displayName co bar"}`, page{2, 1, 2, all[1:]}},
	} {
		if diff := cmp.Diff(tt.want, g.send("GET", agents+tt.query, "").page()); diff != "" {
			t.Errorf("GET %s (-want +got):\n%s", tt.query, diff)
		}
		if diff := cmp.Diff(tt.want, g.send("POST", agents+"/.search", tt.body).page()); diff != "" {
			t.Errorf("search %s (-want +got):\n%s", tt.body, diff)
		}
	}
	for _, a := range []answer{
		g.send("GET", agents+"?startIndex=1.5", ""),
		g.send("GET", agents+"?count=", ""),
		g.send("GET", agents+"?count=99999999999999999999", ""),
		g.send("POST", agents+"/.search", `{"count":"2"}`),
		g.send("POST", agents+"/.search", `{"power":1}`),
	} {
		a.is(400)
	}
}

// TestEmptyList is as WSO2 answers it: without Resources.
func TestEmptyList(t *testing.T) {
	g := newRig(t)
	a := g.send("GET", agents, "").is(200)
	want := `{"schemas":["` + api.SchemaList + `"],"totalResults":0,"startIndex":1,"itemsPerPage":0}`
	if a.body != want {
		t.Errorf("empty list = %s, want %s", a.body, want)
	}
}

// TestLongPage: a page has at most 500 agents, and 100 when nobody asks for
// more; a walk through pages sees each agent once, those that are made while it
// goes on come last.
func TestLongPage(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 510 agents")
	}
	g := newRig(t)
	for i := range 510 {
		g.bare(fmt.Sprintf("bot %03d", i))
	}
	if p := g.send("GET", agents, "").page(); p.Items != 100 || p.Total != 510 {
		t.Errorf("the page without a count has %d of %d", p.Items, p.Total)
	}
	if p := g.send("GET", agents+"?count=1000", "").page(); p.Items != 500 || p.Total != 510 {
		t.Errorf("the longest page has %d of %d", p.Items, p.Total)
	}
	seen := map[string]int{}
	for start := 1; ; {
		p := g.send("GET", fmt.Sprintf("%s?startIndex=%d&count=64", agents, start), "").page()
		if p.Items == 0 {
			break
		}
		for _, name := range p.Names {
			seen[name]++
		}
		if start == 1 {
			g.bare("late")
		}
		start += p.Items
	}
	if len(seen) != 511 || seen["late"] != 1 || seen["bot 000"] != 1 || seen["bot 509"] != 1 {
		t.Errorf("the walk saw %d agents, want 511, each once", len(seen))
	}
}
