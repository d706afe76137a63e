package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"text/template"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// canary is a value that must be seen nowhere.
const canary = "Hunter-2-Canary"

// traces are the forms in which the value would show.
func traces() []string {
	return []string{
		canary, "Hunter",
		fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary),
		fmt.Sprint([]byte(canary)), strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
		"SHVudGVyLTItQ2FuYXJ5", // base64
	}
}

func clean(t *testing.T, what, text string) {
	t.Helper()
	for _, trace := range traces() {
		if strings.Contains(text, trace) {
			t.Errorf("%s shows the secret: %s", what, text)
		}
	}
}

type (
	open   struct{ Secret secret.Text }
	closed struct{ inner secret.Text }
	deep   struct {
		closed
		list []secret.Text
		byID map[string]closed
		any  any
		next *deep
	}
	wrapped struct{ secret.Text }
)

// holders are things that hold a secret, in every place that a value can have.
func holders() map[string]any {
	s := secret.New(canary)
	d := deep{closed{s}, []secret.Text{s}, map[string]closed{"a": {s}}, s, &deep{closed: closed{s}, any: closed{s}}}
	return map[string]any{
		"Text":     s,
		"pointer":  &s,
		"open":     open{s},
		"*open":    &open{s},
		"closed":   closed{s},
		"*closed":  &closed{s},
		"embedded": wrapped{s},
		"slice":    []secret.Text{s},
		"array":    [1]closed{{s}},
		"map":      map[string]secret.Text{"a": s},
		"deep":     d,
		"*deep":    &d,
		"slices":   []any{s, closed{s}, &closed{s}},
	}
}

// TestPrinting tries every verb of fmt with every flag on everything that can
// hold a secret. A field of another package's struct that is not exported is
// printed without asking it: this has shown the value before.
func TestPrinting(t *testing.T) {
	verbs := "vTtbcdoOqxXUeEfFgGsp"
	for name, v := range holders() {
		for _, verb := range verbs {
			for _, flags := range []string{"", "+", "#", "-20", " ", "020", "+#", ".3", "10.2", "[1]"} {
				format := "%" + flags + string(verb)
				clean(t, name+" under "+format, fmt.Sprintf(format, v))
			}
		}
		clean(t, name+" under Sprint", fmt.Sprint(v)+fmt.Sprintln(v))
		clean(t, name+" in an error", fmt.Errorf("sign in with %v: %w", v, errors.New("refused")).Error())
	}
	s := secret.New(canary)
	for _, got := range []string{s.String(), s.GoString(), fmt.Sprint(s), fmt.Sprintf("%q", s), fmt.Sprintf("%#v", s)} {
		if got != "[redacted]" {
			t.Errorf("a secret prints as %s, want [redacted]", got)
		}
	}
}

func TestLogging(t *testing.T) {
	for name, v := range holders() {
		var out bytes.Buffer
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).With("with", v).WithGroup("group").Info("message", "value", v, slog.Any("any", v), slog.Group("g", "v", v))
		}
		clean(t, name+" in a log", out.String())
	}
}

func TestEncoding(t *testing.T) {
	for name, v := range holders() {
		if data, err := json.Marshal(v); err == nil {
			clean(t, name+" as JSON", string(data))
		}
		if data, err := xml.Marshal(v); err == nil {
			clean(t, name+" as XML", string(data))
		}
		var out bytes.Buffer
		if err := template.Must(template.New("").Parse("{{.}} {{printf \"%#v\" .}}")).Execute(&out, v); err != nil {
			t.Fatal(err)
		}
		clean(t, name+" in a template", out.String())
	}
	if data, err := json.Marshal(open{secret.New(canary)}); err != nil || string(data) != `{"Secret":"[redacted]"}` {
		t.Errorf("JSON = %s, %v", data, err)
	}
	data, err := json.Marshal(map[string]any{"a": open{}})
	if err != nil || !strings.Contains(string(data), "[redacted]") {
		t.Errorf("the empty secret as JSON = %s, %v: it must not tell that it is empty", data, err)
	}
}

// TestPanicking ends a process with each holder as the value of a panic.
func TestPanicking(t *testing.T) {
	const which = "SECRET_TEST_PANIC_WITH"
	if name := os.Getenv(which); name != "" {
		panic(holders()[name])
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range holders() {
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestPanicking$")
		cmd.Env = append(os.Environ(), which+"="+name, "GOTRACEBACK=all")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic") {
			t.Fatalf("%s: the process did not panic: %v\n%s", name, err, out)
		}
		clean(t, name+" in a panic", string(out))
	}
}

func TestUnmarshal(t *testing.T) {
	for text, want := range map[string]string{`"abc"`: "abc", `""`: "", `null`: "", `"\u0041"`: "A"} {
		var s secret.Text
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.Reveal() != want || s.IsZero() != (want == "") {
			t.Errorf("%s reads as %q, %v; want %q", text, s.Reveal(), err, want)
		}
	}
	for _, text := range []string{`1`, `true`, `{"` + canary + `":1}`, `["` + canary + `"]`} {
		var s secret.Text
		err := json.Unmarshal([]byte(text), &s)
		if err == nil || !s.IsZero() {
			t.Errorf("%s reads as a secret", text)
			continue
		}
		clean(t, "the error", err.Error())
	}
}

func TestEqual(t *testing.T) {
	a, b, zero := secret.New("abc"), secret.New("abd"), secret.Text{}
	for _, tt := range []struct {
		a, b secret.Text
		want bool
	}{
		{a, a, true}, {a, secret.New("abc"), true}, {a, b, false}, {a, secret.New("ab"), false},
		{a, zero, false}, {zero, a, false}, {zero, zero, true}, {zero, secret.New(""), true},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%q.Equal(%q) = %v, want %v", tt.a.Reveal(), tt.b.Reveal(), got, tt.want)
		}
	}
	if !zero.IsZero() || a.IsZero() || !secret.New("").IsZero() {
		t.Error("IsZero is wrong")
	}
}
