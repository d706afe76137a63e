//go:build unix

package journey_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// diagnostic is one of Terraform's machine-readable output.
type diagnostic struct {
	Severity, Summary, Detail, Address string
	Range                              struct{ Filename string }
	Snippet                            struct{ Context, Code string }
}

// diagnosed are the errors of a run that was told to speak JSON.
func diagnosed(r result) []diagnostic {
	var out []diagnostic
	for line := range strings.Lines(r.stdout) {
		var said struct{ Diagnostic diagnostic }
		if json.Unmarshal([]byte(line), &said) == nil && said.Diagnostic.Severity == "error" {
			out = append(out, said.Diagnostic)
		}
	}
	return out
}

// String is how a golden file shows it.
func (d diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Error: %s\n", d.Summary)
	if d.Address != "" {
		fmt.Fprintf(&b, "  with %s\n", d.Address)
	}
	if d.Range.Filename != "" {
		fmt.Fprintf(&b, "  in %s, %s: %s\n", d.Range.Filename, d.Snippet.Context, strings.TrimSpace(d.Snippet.Code))
	}
	fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(d.Detail))
	return b.String()
}

// norms make what differs from run to run the same.
var norms = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`registry\.(terraform\.io|opentofu\.org)`), "<registry>"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:<port>"},
	{regexp.MustCompile(`trace id [^ ,.;)]+`), "trace id <trace>"},
	{regexp.MustCompile(`times in [0-9.]+m?s`), "times in <duration>"},
	{regexp.MustCompile(`\.(new|probe)-\d+`), ".$1-<number>"},
}

// normal is the text of the diagnostics, without what differs between runs.
func normal(w *workspace, list []diagnostic) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = strings.ReplaceAll(d.String(), w.dir, "<dir>")
		for _, n := range norms {
			texts[i] = n.pattern.ReplaceAllString(texts[i], n.with)
		}
	}
	slices.Sort(texts) // objects are worked on at once
	return strings.Join(texts, "\n")
}

// golden compares a text with the one that was reviewed, in a directory of
// testdata.
func golden(t *testing.T, dir, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", dir, name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // source
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // source
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; the text is:\n%s", err, got)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the text is not that of %s (-want +got):\n%s", file, diff)
	}
}
