package arch_test

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// TestArrows holds the table against the imports of non-test files. Tests may
// import what they check.
func TestArrows(t *testing.T) {
	allowed := map[string][]string{}
	for _, p := range table {
		allowed[p.name] = p.may
	}
	for _, f := range tree(t) {
		may, known := allowed[f.pkg]
		if !known {
			t.Errorf("%s: a new package needs a line in the table: %s has none", f.path, f.pkg)
			continue
		}
		if f.test {
			continue
		}
		for _, imported := range f.imports(t) {
			ours, ok := strings.CutPrefix(imported, module+"/internal/")
			if ok && !slices.Contains(may, ours) {
				t.Errorf("%s: %s imports %s; allowed: %v", f.path, f.pkg, ours, may)
			}
		}
	}
}

// TestTable checks the table itself: an arrow must point at a package that has
// a line, and no arrow may come back.
func TestTable(t *testing.T) {
	may := map[string][]string{}
	for _, p := range table {
		if _, twice := may[p.name]; twice {
			t.Errorf("%s has two lines", p.name)
		}
		may[p.name] = p.may
	}
	for _, p := range table {
		for _, to := range p.may {
			if _, ok := may[to]; !ok {
				t.Errorf("%s may import %s, which has no line", p.name, to)
			}
			if reaches(may, to, p.name) {
				t.Errorf("%s and %s may import each other", p.name, to)
			}
		}
	}
}

func reaches(may map[string][]string, from, to string) bool {
	return slices.ContainsFunc(may[from], func(next string) bool {
		return next == to || reaches(may, next, to)
	})
}

func TestLibraries(t *testing.T) {
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		for _, imported := range f.imports(t) {
			for _, l := range libraries {
				if under(imported, l.prefix) && !slices.Contains(l.only, f.pkg) {
					t.Errorf("%s: %s imports %s; only %v may: %s", f.path, f.pkg, imported, l.only, l.why)
				}
			}
		}
	}
}

// under reports whether an import path is the prefix, or below it, or, for a
// prefix that ends in the middle of a name, begins with it.
func under(imported, prefix string) bool {
	if strings.HasSuffix(prefix, "/") || strings.HasSuffix(prefix, "-") {
		return strings.HasPrefix(imported, prefix)
	}
	return imported == prefix || strings.HasPrefix(imported, prefix+"/")
}

func TestUnder(t *testing.T) {
	for _, tt := range []struct {
		imported, prefix string
		want             bool
	}{
		{"testing", "testing", true},
		{"testing/fstest", "testing", true},
		{"testingx", "testing", false},
		{"math/rand/v2", "math/rand", true},
		{"database/sql/driver", "database/sql", true},
		{"github.com/hashicorp/terraform-plugin-framework/types", "github.com/hashicorp/terraform-plugin-", true},
		{"github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/terraform-plugin-", false},
	} {
		if got := under(tt.imported, tt.prefix); got != tt.want {
			t.Errorf("under(%q, %q) = %v, want %v", tt.imported, tt.prefix, got, tt.want)
		}
	}
}

// TestNames refuses packages whose name says nothing, at every depth.
func TestNames(t *testing.T) {
	for _, f := range tree(t) {
		if slices.Contains(vague, path.Base(f.pkg)) || slices.Contains(vague, f.ast.Name.Name) {
			t.Errorf("%s: the package name %s does not say what it holds", f.path, f.ast.Name.Name)
		}
	}
}
