package provider_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var update = flag.Bool("update", false, "write testdata/schema.txt anew")

// TestSchema holds what the provider offers against what is written down:
// names, types, and what may be set. A change must be meant, because somebody's
// configuration and state have it.
func TestSchema(t *testing.T) {
	t.Parallel()
	const file = "testdata/schema.txt"
	got := schemaText(t)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("The schema changed. If that is meant, and the states of all releases are still taken (TestStateOfReleases), run\n\tgo test ./internal/provider -run TestSchema -update\n%s", diff)
	}
}

// schemaText writes the schema, a line for each attribute.
func schemaText(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	resp, err := start(t).server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	identities := resp.IdentitySchemas
	all := schemas()
	section := func(kind, name string, s *tfprotov6.Schema) {
		fmt.Fprintf(&b, "%s %s, version %d\n", kind, name, s.Version)
		attributeLines(&b, "\t", s.Block.Attributes)
		for _, nested := range s.Block.BlockTypes {
			fmt.Fprintf(&b, "\tblock %s %s\n", nested.TypeName, nested.Nesting)
			attributeLines(&b, "\t\t", nested.Block.Attributes)
		}
	}
	section("provider", "agentcreds", all.Provider)
	for _, name := range slices.Sorted(maps.Keys(all.ResourceSchemas)) {
		section("resource", name, all.ResourceSchemas[name])
		id := identities[name]
		fmt.Fprintf(&b, "identity of %s, version %d\n", name, id.Version)
		for _, a := range id.IdentityAttributes {
			fmt.Fprintf(&b, "\t%s: %s, required %t, optional %t\n", a.Name, short(a.Type), a.RequiredForImport, a.OptionalForImport)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all.DataSourceSchemas)) {
		section("data", name, all.DataSourceSchemas[name])
	}
	for _, name := range slices.Sorted(maps.Keys(all.EphemeralResourceSchemas)) {
		section("ephemeral", name, all.EphemeralResourceSchemas[name])
	}
	for _, name := range slices.Sorted(maps.Keys(all.Functions)) {
		f := all.Functions[name]
		var parameters []string
		for _, p := range f.Parameters {
			parameters = append(parameters, p.Name+" "+short(p.Type))
		}
		fmt.Fprintf(&b, "function %s(%s) %s\n", name, strings.Join(parameters, ", "), short(f.Return.Type))
	}
	return b.String()
}

func short(ty tftypes.Type) string { return strings.ReplaceAll(ty.String(), "tftypes.", "") }

func attributeLines(b *strings.Builder, indent string, list []*tfprotov6.SchemaAttribute) {
	list = slices.SortedFunc(slices.Values(list), func(x, y *tfprotov6.SchemaAttribute) int { return strings.Compare(x.Name, y.Name) })
	for _, a := range list {
		var flags []string
		for name, set := range map[string]bool{
			"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive, "write-only": a.WriteOnly, "deprecated": a.Deprecated,
		} {
			if set {
				flags = append(flags, name)
			}
		}
		slices.Sort(flags)
		kind := "object"
		if a.NestedType == nil {
			kind = short(a.Type)
		} else if a.NestedType.Nesting != tfprotov6.SchemaObjectNestingModeSingle {
			kind = strings.ToLower(a.NestedType.Nesting.String()) + " of objects"
		}
		fmt.Fprintf(b, "%s%s: %s, %s\n", indent, a.Name, kind, strings.Join(flags, ", "))
		if a.NestedType != nil {
			attributeLines(b, indent+"\t", a.NestedType.Attributes)
		}
	}
}

// TestSchemaIsExplained: every attribute says what it is.
func TestSchemaIsExplained(t *testing.T) {
	t.Parallel()
	var look func(where string, list []*tfprotov6.SchemaAttribute)
	look = func(where string, list []*tfprotov6.SchemaAttribute) {
		for _, a := range list {
			if a.Description == "" && a.Name != "timeouts" { // its members are
				t.Errorf("%s.%s is not explained", where, a.Name)
			}
			if a.NestedType != nil {
				look(a.Name, a.NestedType.Attributes)
			}
		}
	}
	all := schemas()
	look("provider", all.Provider.Block.Attributes)
	for name, s := range all.ResourceSchemas {
		look(name, s.Block.Attributes)
	}
	for name, s := range all.DataSourceSchemas {
		look(name, s.Block.Attributes)
	}
}
