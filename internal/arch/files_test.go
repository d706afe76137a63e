package arch_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxLines     = 500
	maxTestLines = 800
)

func TestFileLengths(t *testing.T) {
	for _, f := range tree(t) {
		limit := maxLines
		if f.test {
			limit = maxTestLines
		}
		if f.lines > limit {
			t.Errorf("%s has %d lines; %d is refused: split it by what it holds", f.path, f.lines, limit)
		}
	}
}

func TestPackageComments(t *testing.T) {
	has := map[string]bool{}
	for _, f := range tree(t) {
		// The comment of an external test package is not the package's,
		// unless there is nothing but tests.
		doc := f.ast.Doc != nil && (strings.HasPrefix(f.ast.Doc.Text(), "Package ") || f.ast.Name.Name == "main")
		has[f.pkg] = has[f.pkg] || doc
	}
	for name, ok := range has {
		if !ok {
			t.Errorf("package %s has no package comment: what it is for, and what it refuses to know", name)
		}
	}
}

// TestReveal keeps the places few where a secret becomes a plain string.
func TestReveal(t *testing.T) {
	for _, f := range tree(t) {
		if _, may := reveals[f.pkg]; f.test || may {
			continue
		}
		for sel := range selectors(f) {
			if sel.Sel.Name == "Reveal" {
				t.Errorf("%s: %s reveals a secret; it has no line in the table of those that may", f.at(sel), f.pkg)
			}
		}
	}
}

// TestAmbient keeps what a package takes from its surroundings where one looks
// for it: the environment is read, and the process ended, at the top only. The
// contract suites are tests, and may.
func TestAmbient(t *testing.T) {
	may := []string{".", "cli", "provider", "apitest", "store/postgres/pgtest", "store/storetest"}
	const (
		pass = "read it in cli or in provider, and pass the value"
		out  = "stdout is for data, and it is the plugin's line to Terraform"
	)
	instead := map[string]string{
		"os.Getenv": pass, "os.LookupEnv": pass, "os.Environ": pass,
		"fmt.Print": out, "fmt.Printf": out, "fmt.Println": out, "os.Stdout": out,
		"os.Exit": "return an error", "log.Fatal": "return an error", "log.Fatalf": "return an error",
		"http.ListenAndServe":  "make an http.Server with timeouts",
		"http.DefaultClient":   "make an http.Client with timeouts",
		"http.DefaultServeMux": "make an http.ServeMux",
	}
	for _, f := range tree(t) {
		if f.test || slices.Contains(may, f.pkg) {
			continue
		}
		for sel := range selectors(f) {
			x, ok := sel.X.(*ast.Ident)
			if !ok {
				continue
			}
			name := x.Name + "." + sel.Sel.Name
			if hint, bad := instead[name]; bad {
				t.Errorf("%s: %s in %s: %s", f.at(sel), name, f.pkg, hint)
			}
		}
	}
}

// TestNoInit refuses functions that run before main.
func TestNoInit(t *testing.T) {
	for _, f := range tree(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: nothing runs before main: make it a table or a call", f.at(fn))
			}
		}
	}
}

// TestNoEarlyExpressions refuses expressions that are compiled before main:
// Terraform starts the plugin up to nine times in a run, and fifteen of them took
// a fifth of all that ran before main, in the most part for {1,255} and the like.
func TestNoEarlyExpressions(t *testing.T) {
	for _, f := range tree(t) {
		for _, d := range f.ast.Decls {
			variables, ok := d.(*ast.GenDecl)
			if f.test || !ok {
				continue
			}
			ast.Inspect(variables, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "MustCompile" {
					t.Errorf("%s: compiled before main: put it into a sync.OnceValue", f.at(sel))
				}
				_, later := n.(*ast.FuncLit)
				return !later
			})
		}
	}
}

// loose is a promise that nobody is bound to.
var loose = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

func TestNoLooseEnds(t *testing.T) {
	for _, f := range tree(t) {
		if f.pkg == "arch" {
			continue
		}
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if word := loose.FindString(c.Text); word != "" {
					t.Errorf("%s: %s belongs into an issue", f.at(c), word)
				}
			}
		}
	}
}

// selectors yields every x.Name of a file.
func selectors(f file) func(yield func(*ast.SelectorExpr) bool) {
	return func(yield func(*ast.SelectorExpr) bool) {
		more := true
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && more {
				more = yield(sel)
			}
			return more
		})
	}
}
