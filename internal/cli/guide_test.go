package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func auditGuide(t *testing.T) string {
	t.Helper()
	return string(read(t, filepath.Join("..", "..", "templates", "guides", "audit.md.tmpl")))
}

// The guide explains every action that an entry can have, and no other.
func TestGuideHasEveryAction(t *testing.T) {
	var table strings.Builder
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_.`, ]+`) \\|").FindAllStringSubmatch(auditGuide(t), -1) {
		table.WriteString(row[1] + "\n")
	}
	explained := map[string]bool{}
	for _, action := range regexp.MustCompile(`[a-z_]+\.[a-z]+`).FindAllString(table.String(), -1) {
		explained[action] = true
	}
	files, err := filepath.Glob("../audit/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			kind, _ := spec.Type.(*ast.Ident)
			value, _ := append(spec.Values, nil)[0].(*ast.BasicLit)
			if kind == nil || kind.Name != "Action" || value == nil {
				return true
			}
			action, _ := strconv.Unquote(value.Value)
			found++
			if !explained[action] {
				t.Errorf("the guide does not explain %s", action)
			}
			delete(explained, action)
			return true
		})
	}
	for action := range explained {
		t.Errorf("the guide explains %s, and there is no such action", action)
	}
	if found < 20 {
		t.Errorf("%d actions: they are not found any more", found)
	}
}

// The recipe for archiving does what the guide says, time after time.
func TestGuideArchive(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("date -d is one of GNU")
	}
	recipe := regexp.MustCompile("(?s)```shell\n(.*?)```").FindStringSubmatch(auditGuide(t))
	if recipe == nil {
		t.Fatal("the guide has no recipe")
	}
	database := agedStore(t, 1500)
	dir, bin := filepath.Dir(database), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexec " + bin + "/agentcreds \"$@\"\n"
	if err := os.Symlink(self, filepath.Join(bin, "agentcreds")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "terraform-provider-agentcreds"), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	run := func(commands string) (string, error) {
		cmd := exec.Command("sh", "-c", commands)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "AGENTCREDS_DATABASE=" + database}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("terraform-provider-agentcreds client create --name young --scope-set view"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := run(recipe[1]); err != nil || !strings.Contains(out, "1500 entries were removed, the audit begins with entry 1501") {
		t.Errorf("the recipe: %v\n%s", err, out)
	}
	if out, err := run("sleep 1.1; " + recipe[1]); err != nil || !strings.Contains(out, "no entry was removed") {
		t.Errorf("the recipe, once more: %v\n%s", err, out)
	}
	if out, err := run("ls audit-*.ndjson | wc -l; cat audit-*.ndjson | wc -l"); err != nil || out != "2\n1500\n" {
		t.Errorf("the archives: %v\n%s", err, out)
	}
	out, err := run("(cat audit-*.ndjson; terraform-provider-agentcreds audit export) | terraform-provider-agentcreds audit verify --file -")
	if err != nil || !strings.Contains(out, "1503 entries are as they were written") || !strings.Contains(auditGuide(t), "(cat audit-*.ndjson; terraform-provider-agentcreds audit export)") {
		t.Errorf("all of it: %v\n%s", err, out)
	}
}
