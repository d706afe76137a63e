package provider_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// needles are values that must be nowhere, in every form in which they could
// be.
type needles map[string]string // form to what it is of

func (n needles) add(what, value string) {
	if len(value) < 8 {
		return
	}
	quoted, _ := json.Marshal(value)
	for _, form := range []string{
		value, string(quoted[1 : len(quoted)-1]), url.QueryEscape(value), hex.EncodeToString([]byte(value)),
		base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)),
		value[len(value)/2:], // half of it is too much, too
	} {
		n[form] = what
	}
}

// expectNone looks for all of them in a text, and in what it wraps.
func (n needles) expectNone(t *testing.T, where, text string) {
	t.Helper()
	text += unwrapped(text)
	for form, what := range n {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("%s shows %s: …%s…", where, what, text[max(0, i-120):i])
		}
	}
}

var wrapped = regexp.MustCompile(`[A-Za-z0-9+/]{24,}={0,2}`)

// unwrapped is what a text holds in base64, as a state file has private state:
// twice.
func unwrapped(text string) string {
	var b strings.Builder
	for _, w := range wrapped.FindAllString(text, -1) {
		if inner, err := base64.StdEncoding.DecodeString(w); err == nil && utf8.Valid(inner) {
			b.WriteString("\n" + string(inner) + unwrapped(string(inner)))
		}
	}
	return b.String()
}

// lines is a writer for many goroutines.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoLeak takes a secret through its life, failures included, and looks for
// its values in the log at trace, the diagnostics, the private state, the
// identity and every attribute but the one that is for it.
func TestNoLeak(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		var log lines
		p.logs = &log
		var seen []*managed
		var said problems
		keep := func(m *managed, d problems) {
			copied := *m
			seen, said = append(seen, &copied), append(said, d...)
		}
		agent, m := p.newSecret(t, attrs{"rotation_trigger": trigger("1"), "expire_after": "720h"})
		keep(agent, nil)
		keep(m, nil)
		for n := range 3 {
			_, d := m.try(m.configured().with("rotation_trigger", trigger(fmt.Sprint(n))))
			keep(m, d)
		}
		revokedOutside(p, m)
		_, d := m.try(m.configured())
		keep(m, d)
		m.taint()
		_, d = m.try(m.configured())
		keep(m, d)
		leaking := needles{}
		if p.remote != nil {
			// A server that says back what it was sent, or makes words of it.
			for _, status := range []int{http.StatusBadRequest, http.StatusBadGateway, http.StatusOK} {
				p.remote.fail(fault{method: http.MethodPut, times: 1, answer: leaking.echo(status)})
				_, d = m.try(m.configured().with("rotation_trigger", trigger(fmt.Sprint("echo", status))))
				keep(m, d)
			}
			leaking.add("the access token", adminToken)
		}
		imported, d := p.imports(t, secretType, agent.id(), nil)
		keep(imported, d)
		p.plugin(t).data("agentcreds_agent_credentials", attrs{"agent_id": agent.id()})
		keep(m, p.resource(t, secretType).importBy("nobody"))
		_, d = m.try(nil)
		keep(m, d)

		for _, m := range seen {
			leaking.add("a secret", m.state.text("secret"))
		}
		if len(leaking) < 10 {
			t.Fatalf("only %d forms of secrets were seen", len(leaking))
		}
		if text := log.String(); !strings.Contains(text, `"@level":"trace"`) || !strings.Contains(text, "management API") {
			t.Error("the log is not at trace, or the requests are not in it")
		}
		leaking.expectNone(t, "the log", log.String())
		leaking.expectNone(t, "a diagnostic", said.String())
		for _, m := range seen {
			leaking.expectNone(t, m.name+" in its private state", string(m.private))
			leaking.expectNone(t, m.name+" in its state", fmt.Sprint(m.state.with("secret", nil)))
			plan := m.place.plugin(t).plan(m.name, m.instance, m.configured())
			leaking.expectNone(t, m.name+" in its plan", fmt.Sprint(plan.with("secret", nil))+string(plan.private))
		}
	})
}

// echo answers with what it was sent, in several ways, and notes the secret.
func (n needles) echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req struct{ SecretValue string }
		var raw bytes.Buffer
		_, _ = raw.ReadFrom(r.Body)
		_ = json.Unmarshal(raw.Bytes(), &req)
		n.add("a secret that was echoed", req.SecretValue)
		body, _ := json.Marshal(api.ServerError{
			Code: api.CodeInvalid, Message: "You sent " + req.SecretValue, Description: "and " + url.QueryEscape(r.Header.Get("Authorization")), TraceID: req.SecretValue,
		})
		if status == http.StatusOK {
			body = []byte("<html>" + raw.String() + r.Header.Get("Authorization") + "</html>")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", req.SecretValue)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// TestAccNoLeak looks at the files and the words of real Terraform: the
// attribute `secret` of the state holds the value, and nothing else does.
func TestAccNoLeak(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	config := func(n string) string { return p.config(pair(nil, attrs{"rotation_trigger": trigger(n)})) }
	c := newTerminal(t, config("1"))
	var said strings.Builder
	leaking := needles{}
	for n := range 3 {
		c.write(config(fmt.Sprint(n)))
		said.WriteString(c.must("plan", "-no-color", "-out=saved.tfplan"))
		said.WriteString(c.must("show", "-no-color", "saved.tfplan"))
		leaking.expectNone(t, "the plan", withoutSecret(t, c.must("show", "-json", "saved.tfplan")))
		said.WriteString(c.must("apply", "-no-color", "saved.tfplan"))
		leaking.add("a secret", c.state(secret1).text("secret"))
	}
	said.WriteString(c.must("show", "-no-color") + c.must("state", "show", "-no-color", secret1))
	if len(leaking) < 9 {
		t.Fatalf("only %d forms of secrets were seen", len(leaking))
	}
	leaking.expectNone(t, "Terraform", said.String())
	leaking.expectNone(t, "the plan", withoutSecret(t, c.must("show", "-json", "saved.tfplan")))
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "agcs_") {
			t.Errorf("%s does not hold the secret", name)
		}
		leaking.expectNone(t, name, withoutSecret(t, string(data)))
	}
	for _, dir := range []string{filepath.Join(c.dir, ".terraform"), filepath.Dir(p.path())} {
		err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(file)
			leaking.expectNone(t, file, string(data))
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}
}

// withoutSecret takes the values of the attribute out of a JSON text.
func withoutSecret(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	var clear func(any)
	clear = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, isString := v["secret"].(string); isString {
				delete(v, "secret")
			}
			for _, e := range v {
				clear(e)
			}
		case []any:
			for _, e := range v {
				clear(e)
			}
		}
	}
	clear(v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
