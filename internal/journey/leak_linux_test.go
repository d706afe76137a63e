package journey_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// leakConfig is an agent whose secret is in the state, with one output that the
// user asked for.
func leakConfig(provider string) string {
	return header + "\nprovider \"agentcreds\" {\n" + provider + `}

variable "trigger" {
  type    = string
  default = "1"
}

resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  external_id  = "leak/bot"
}

resource "agentcreds_agent_secret" "bot" {
  agent_id         = agentcreds_agent.bot.id
  rotation_trigger = { by = var.trigger }
  grace_period     = "1h"
}

data "agentcreds_agent_credentials" "bot" {
  agent_id   = agentcreds_agent.bot.id
  depends_on = [agentcreds_agent_secret.bot]
}

output "secret" {
  value     = agentcreds_agent_secret.bot.secret
  sensitive = true
}

output "credentials" {
  value = data.agentcreds_agent_credentials.bot
}
`
}

// life is the whole life of a secret, and some of what can go wrong in it.
func (h *hunt) life() {
	h.Helper()
	h.run(0, "apply")
	h.run(0, "apply", "-var", "trigger=2")
	h.run(0, "plan", "-var", "trigger=3", "-out=saved.tfplan")
	h.run(0, "show", "saved.tfplan")
	h.run(0, "apply", "saved.tfplan")
	h.run(0, "apply", "-var", "trigger=3", "-replace=agentcreds_agent_secret.bot")

	// One that fails when half of it is done, and one that is not begun.
	good := string(h.w.read("main.tf"))
	h.w.write("twin.tf", "\nresource \"agentcreds_agent\" \"twin\" {\n  display_name = \"Twin\"\n  external_id  = \"leak/bot\"\n}\n")
	h.run(1, "apply", "-var", "trigger=4")
	h.w.remove("twin.tf")
	h.w.write("main.tf", strings.Replace(good, `"1h"`, `"forever"`, 1))
	h.run(1, "plan", "-var", "trigger=4")
	h.w.write("main.tf", good)

	h.run(0, "output", "-json")
	h.run(0, "state", "pull")
	h.imported()
	h.run(0, "plan", "-var", "trigger=4")
	h.run(0, "destroy", "-var", "trigger=4")
}

// imported takes the agent and its secret into another workspace, and rotates
// the secret there.
func (h *hunt) imported() {
	h.Helper()
	first := h.w
	h.w = h.workspace(string(first.read("main.tf")))
	for _, s := range first.state().secrets() {
		h.w.write("import.tf", fmt.Sprintf(
			"import {\n  to = agentcreds_agent.bot\n  id = %[1]q\n}\n\nimport {\n  to = agentcreds_agent_secret.bot\n  id = %[1]q\n}\n", s.agentID))
	}
	h.run(0, "apply", "-var", "trigger=4")
	h.run(0, "apply", "-var", "trigger=5")
	h.w = first
}

func TestJourney_leakEmbedded(t *testing.T) {
	t.Parallel()
	home := newWorkspace(t, "")
	h := newHunt(t, leakConfig(fmt.Sprintf("  embedded_path = %q\n", home.path(database))))
	h.life()
	h.tree(home.dir)
	h.enough(5)
}

func TestJourney_leakRemote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		signIn  string
		prepare func(h *hunt, home *workspace, s *server) (endpoint string)
	}{
		{"token", "  access_token = trimspace(file(\"../%s/token\"))\n", func(h *hunt, home *workspace, s *server) string {
			h.keep(home, "token", s.token)
			return h.px.url
		}},
		{"client", "  client_id     = \"terraform\"\n  client_secret = trimspace(file(\"../%s/client\"))\n", issuer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := newWorkspace(t, "")
			s := serve(t, home.path(database), "--log-level", "debug")
			h := newHunt(t, "")
			h.px = newProxy(t, s.url)
			h.n.add("the admin's token", s.token)
			h.home[database+".token"] = s.token
			endpoint := fmt.Sprintf("  endpoint = %q\n", tt.prepare(h, home, s))
			config := leakConfig(endpoint + fmt.Sprintf(tt.signIn, filepath.Base(home.dir)))
			h.w.write("main.tf", config)
			h.life()
			h.crash()
			h.refused(home, endpoint)
			h.process(s.p.pid())
			h.hear("the log of serve", []byte(s.p.stdout.String()+s.p.stderr.String()))
			h.look(result{})
			h.tree(home.dir)
			h.enough(8)
			s.stop()
		})
	}
}

// keep puts a secret where its user keeps it, outside of the workspace.
func (h *hunt) keep(home *workspace, name, value string) {
	h.Helper()
	home.write(name, value+"\n")
	h.n.add("what the file "+name+" keeps", value)
	h.home[name] = value
}

// issuer stands in front of the server and gives a token to a client, which the
// first version of serve does not.
func issuer(h *hunt, home *workspace, s *server) string {
	const secret, token = "client-secret-9f86d081884c7d65", "access-token-60303ae22b998861"
	h.keep(home, "client", secret)
	h.n.add("an access token", token)
	target, err := url.Parse(h.px.url)
	if err != nil {
		h.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Authorization", "Bearer "+s.token)
		},
		ErrorLog: log.New(io.Discard, "", 0), // who is killed takes no answer
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, given, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/oauth2/token" && id == "terraform" && given == secret:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
		case r.Header.Get("Authorization") == "Bearer "+token:
			forward.ServeHTTP(w, r)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	h.Cleanup(front.Close)
	return front.URL
}

// crash makes the provider tell all that it does while a secret is on its way.
// The secret is lost; the next apply makes another.
func (h *hunt) crash() {
	h.Helper()
	started := make(chan struct{})
	var p *process
	h.px.change(func(r *http.Request, answer []byte) []byte {
		if r.Method == http.MethodPut {
			<-started
			for _, pid := range children(p.pid(), tools(h).provider) {
				_ = syscall.Kill(pid, syscall.SIGQUIT)
			}
			time.Sleep(pause)
		}
		return answer
	})
	p = h.begin("apply")
	close(started)
	r := p.wait()
	h.px.change(nil)
	logged, _ := os.ReadFile(h.w.path("trace.log")) // every second step has one
	if said := r.stdout + r.stderr + string(logged); r.code == 0 || !strings.Contains(said, "SIGQUIT") {
		h.Errorf("the provider did not crash: %s", r)
	}
	h.look(r)
	h.run(0, "apply")
	h.run(0, "destroy")
}

// refused tries a token that the server does not know.
func (h *hunt) refused(home *workspace, endpoint string) {
	h.Helper()
	h.keep(home, "wrong", "wrong-token-4e07408562bedb8b60ce05c1")
	h.w.write("main.tf", leakConfig(endpoint+fmt.Sprintf("  access_token = trimspace(file(\"../%s/wrong\"))\n", filepath.Base(home.dir))))
	h.run(1, "apply")
}
