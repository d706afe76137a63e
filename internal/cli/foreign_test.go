package cli_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	foreignAPI      = "https://api.example.com"
	foreignApp      = "agents-app"
	foreignRedirect = "https://app.example.com/callback"
)

// foreign is what a client is told that nobody wrote for us: where the server
// is, and who it may be. The names are those of the scripts in testdata/npm.
type foreign struct {
	Issuer   string        `json:"issuer"`
	Audience string        `json:"audience"`
	Agents   []foreignUser `json:"agents"`
	Gateway  foreignUser   `json:"gateway"`
	App      struct {
		ID       string `json:"id"`
		Redirect string `json:"redirect"`
	} `json:"app"`
}

type foreignUser struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// newForeign starts a server with agents whose secrets are made by the server,
// and of all that a form, a header or JSON writes in another way.
func newForeign(t *testing.T, flags ...string) (*house, foreign) {
	t.Helper()
	h := newHouse(t, append(flags, "--app-native", foreignApp+"="+foreignRedirect)...)
	f := foreign{Issuer: h.url, Audience: foreignAPI, Gateway: foreignUser{h.inspector.ID, h.inspector.Secret}}
	f.App.ID, f.App.Redirect = foreignApp, foreignRedirect
	for _, chosen := range []string{"", "Aa1+ %:&é=?#/\"'\\", "Aa1%20%zz+plus+plus:🔑"} {
		bot := newBot("bot " + chosen)
		bot.Extension = &api.AgentSecurity{Scopes: []string{"read", "write"}, Audiences: []string{foreignAPI}}
		if chosen != "" {
			bot.Password = secret.New(chosen)
		}
		made, err := h.client.CreateAgent(t.Context(), bot)
		if err != nil {
			t.Fatal(err)
		}
		f.Agents = append(f.Agents, foreignUser{made.ID, made.Password.Reveal()})
	}
	return h, f
}

// scripts is a folder with the scripts of testdata/npm and the packages that
// they import, which are installed once. Where that cannot be, for want of
// node, npm or a registry, it skips the test and says so.
func scripts(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("tools/npm is for bash")
	}
	cmd := exec.CommandContext(t.Context(), "../../tools/npm", "testdata/npm")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 3 {
		t.Skip("SKIPPED: no npm client was tried; tools/npm says above why it cannot be had here")
	}
	if err != nil {
		t.Fatalf("tools/npm: %v", err)
	}
	dir := t.TempDir()
	// Node looks for packages beside the script and above, nowhere else.
	if err := os.Symlink(filepath.Join(strings.TrimSpace(string(out)), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(os.DirFS("testdata/npm"), "*.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for _, name := range files {
		put(t, filepath.Join(dir, name), []byte(readFile(t, filepath.Join("testdata/npm", name))))
	}
	return dir
}

// TestForeign_npm runs clients in JavaScript against a real server: one on
// openid-client, one as they are written for Asgardeo's agent login, and WSO2's
// own SDK, which takes no ID token but one that is signed by RS256.
func TestForeign_npm(t *testing.T) {
	dir := scripts(t)
	for _, transport := range []struct {
		name    string
		flags   []string
		scripts []string
	}{
		{"TLS", []string{"--tls-self-signed"}, []string{"openid.mjs", "asgardeo.mjs"}},
		{"plain", nil, []string{"openid.mjs", "asgardeo.mjs"}},
		{"RS256", []string{"--signing-alg", "RS256"}, []string{"asgardeo.mjs", "sdk.mjs"}},
	} {
		h, f := newForeign(t, transport.flags...)
		told, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, script := range transport.scripts {
			t.Run(transport.name+"/"+script, func(t *testing.T) {
				cmd := exec.CommandContext(t.Context(), "node", filepath.Join(dir, script))
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "NO_PROXY=*"}
				if strings.HasPrefix(f.Issuer, "https:") {
					cmd.Env = append(cmd.Env, "NODE_EXTRA_CA_CERTS="+h.certificate())
				}
				cmd.Stdin = strings.NewReader(string(told))
				out, err := cmd.CombinedOutput()
				if err != nil || string(out) != "all is as it should be\n" {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		for _, u := range append(f.Agents, f.Gateway) {
			if strings.Contains(h.text(), u.Secret) {
				t.Error("a secret is in the log of the server")
			}
		}
	}
}
