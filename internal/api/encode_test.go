package api_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// holders are the structs of the package that hold a secret, by name.
var holders = map[string]any{
	"Agent":            api.Agent{},
	"ManagementClient": api.ManagementClient{},
	"Secret":           api.Secret{},
	"SecretRequest":    api.SecretRequest{},
}

// TestHolders finds the structs that hold a secret in the source: one that is
// not in the table above has no test, and perhaps no reveal.
func TestHolders(t *testing.T) {
	found := map[string]bool{}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			for _, field := range body.Fields.List {
				if mentionsText(field.Type) {
					found[spec.Name.Name] = true
				}
			}
			return true
		})
	}
	for name := range found {
		if _, ok := holders[name]; !ok {
			t.Errorf("%s holds a secret.Text and is not in the table of this test: does Encode reveal it?", name)
		}
	}
	if len(found) != len(holders) {
		t.Errorf("the source has %d structs with a secret, the table %d", len(found), len(holders))
	}
}

func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func mentionsText(x ast.Expr) bool {
	found := false
	ast.Inspect(x, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		found = found || ok && sel.Sel.Name == "Text"
		return true
	})
	return found
}

// TestEncode: Encode reveals, json.Marshal does not, and both leave out a
// secret that is not there; what Encode wrote reads as what it was.
func TestEncode(t *testing.T) {
	const canary = "Hunter-2-Canary"
	for name, zero := range holders {
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		member := ""
		for i := range v.NumField() {
			if v.Field(i).Type() == reflect.TypeFor[secret.Text]() {
				v.Field(i).Set(reflect.ValueOf(secret.New(canary)))
				member, _, _ = strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			}
		}
		if id := v.FieldByName("ID"); id.IsValid() {
			id.SetString("other members stay")
		}
		revealed, err := api.Encode(v.Interface())
		if err != nil || !strings.Contains(string(revealed), `"`+member+`":"`+canary+`"`) {
			t.Errorf("Encode(%s) = %s, %v; want %s in it", name, revealed, err, canary)
		}
		if n := strings.Count(string(revealed), `"`+member+`"`); n != 1 {
			t.Errorf("Encode(%s) = %s has %s %d times", name, revealed, member, n)
		}
		back := reflect.New(v.Type())
		if err := json.Unmarshal(revealed, back.Interface()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v.Interface(), back.Elem().Interface()); diff != "" {
			t.Errorf("%s came back differently (-sent +got):\n%s", name, diff)
		}
		redacted, err := json.Marshal(v.Interface())
		if err != nil || strings.Contains(string(redacted), canary) || !strings.Contains(string(redacted), "[redacted]") {
			t.Errorf("json.Marshal(%s) = %s, %v", name, redacted, err)
		}
		for _, encode := range []func(any) ([]byte, error){api.Encode, json.Marshal} {
			if data, err := encode(zero); err != nil || strings.Contains(string(data), member) {
				t.Errorf("%s without a secret = %s, %v", name, data, err)
			}
		}
	}
}

func TestPasswordPatch(t *testing.T) {
	patch, err := api.PasswordPatch(secret.New(`a"b<`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := api.Encode(patch)
	want := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"password","value":"a\"b\u003c"}]}`
	if err != nil || string(got) != want {
		t.Errorf("patch = %s, %v; want %s", got, err, want)
	}
}

func TestEncodeFails(t *testing.T) {
	if _, err := api.Encode(make(chan int)); err == nil {
		t.Error("Encode of what has no JSON: no error")
	}
}
