package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestSchemas: plain arrays, as on WSO2.
func TestSchemas(t *testing.T) {
	g := newRig(t)
	all := decodeAs[[]api.Schema](g.send("GET", "/scim2/Schemas", "").is(200))
	var ids []string
	for _, s := range all {
		ids = append(ids, s.ID)
		one := decodeAs[[]api.Schema](g.send("GET", "/scim2/Schemas/"+s.ID, "").is(200))
		if diff := cmp.Diff([]api.Schema{s}, one); diff != "" {
			t.Errorf("schema %s by id (-of all +by id):\n%s", s.ID, diff)
		}
	}
	if want := []string{api.SchemaUser, api.SchemaWSO2, api.SchemaWSO2Agent, api.SchemaCredentials}; !slices.Equal(ids, want) {
		t.Errorf("schemas = %v, want %v", ids, want)
	}
	g.send("GET", "/scim2/Schemas/"+strings.ToUpper(api.SchemaWSO2Agent), "").is(200)
}

// TestSchemasTellTheTruth: what a schema says can be written, can be.
func TestSchemasTellTheTruth(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	values := map[string]string{"STRING": `"AGENT/x"`, "BOOLEAN": `false`, "COMPLEX": `{}`}
	special := map[string]string{"allowedAuthMethods": `["private_key_jwt"]`, "password": `"` + strong + `"`}
	for _, s := range decodeAs[[]api.Schema](g.send("GET", "/scim2/Schemas", "").is(200)) {
		for _, a := range s.Attributes {
			value := values[a.Type]
			if v, ok := special[a.Name]; ok {
				value = v
			}
			want := 200
			if a.Mutability == "readOnly" || a.Mutability == "immutable" || a.Name == "secret" {
				want = 400
			}
			g.send("PATCH", agents+"/"+id, `{"Operations":[{"op":"add","path":"`+s.ID+`:`+a.Name+`","value":`+value+`}]}`).is(want)
		}
	}
}

func TestResourceTypes(t *testing.T) {
	g := newRig(t)
	list := decodeAs[api.List[api.ResourceType]](g.send("GET", "/scim2/ResourceTypes", "").is(200))
	if list.TotalResults != 1 || len(list.Resources) != 1 || list.Resources[0].Endpoint != "/Agents" {
		t.Fatalf("resource types = %+v", list)
	}
	one := decodeAs[api.ResourceType](g.send("GET", "/scim2/ResourceTypes/Agent", "").is(200))
	if diff := cmp.Diff(list.Resources[0], one); diff != "" {
		t.Errorf("by id (-of all +by id):\n%s", diff)
	}
	g.send("GET", "/scim2/ResourceTypes/User", "").is(404)
}

func TestServerConfig(t *testing.T) {
	g := newRig(t)
	cfg := decodeAs[api.ServerConfig](g.send("GET", "/scim2/ServiceProviderConfig", "", "Authorization", "Bearer eve:").is(200))
	if !cfg.Patch.Supported || cfg.Sort.Supported || cfg.ETag.Supported || cfg.Bulk.Supported || cfg.Filter.MaxResults != 500 {
		t.Errorf("configuration = %+v", cfg)
	}
	can := *cfg.Capabilities
	if len(can.StoreID) != 36 {
		t.Errorf("storeId = %q", can.StoreID)
	}
	want := api.Capabilities{StoreID: can.StoreID, MaxSecrets: 2, Overlap: true, Keys: true, Audit: true, Version: "1.2.3", Principal: "eve"}
	if diff := cmp.Diff(want, can); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
}
