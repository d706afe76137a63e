package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestDiskFails runs a server whose syncs fail from some moment on, as strace
// makes them: from then on it takes no change, says so wherever it is asked, and
// goes on answering what needs none. The next start has all that was answered.
func TestDiskFails(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	makeClient(t, database, "terraform", "--scope-set", "terraform")
	cmd := traced(t, program(t, "serve", "--listen", "127.0.0.1:0", "--database", database), "fsync,fdatasync", "error=EIO:when=25+")
	if cmd == nil {
		t.Skip("it needs strace to make the system fail; internal/store/sqlite has the same without")
	}
	token := database + ".admin-token"
	if err := os.WriteFile(token, []byte("agca_"+strings.Repeat("t", 43)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, "--admin-token-file", token)
	s, err := start(cmd)
	if err != nil {
		t.Skipf("strace may not trace here: %v", err)
	}
	t.Cleanup(s.kill)
	admin := readFile(t, token)
	if status, _, _, err := ask(t.Context(), http.MethodGet, s.url+api.PathReady, "", ""); err != nil || status != http.StatusOK {
		t.Fatalf("before: ready is %d, %v", status, err)
	}
	var answered []string
	refused := ""
	for n := 0; refused == "" && n < 200; n++ {
		name := fmt.Sprint("agent-", n)
		status, text, _, err := ask(t.Context(), http.MethodPost, s.url+api.PathAgents, admin, `{"externalId":"`+name+`"}`)
		switch {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusCreated:
			answered = append(answered, name)
		default:
			refused = text
		}
	}
	if len(answered) == 0 || !strings.Contains(refused, "not known") {
		t.Errorf("%d were answered, and then %s", len(answered), refused)
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", api.PathAgents, `{}`, 507, "cannot be written"},
		{"GET", api.PathAgents, ``, 200, "agent-0"},
		{"GET", api.PathReady, ``, 503, "takes no changes"},
		{"GET", api.PathHealth, ``, 200, "ok"},
	} {
		status, text, _, err := ask(t.Context(), tt.method, s.url+tt.path, admin, tt.body)
		if err != nil || status != tt.status || !strings.Contains(text, tt.says) {
			t.Errorf("%s %s = %d %s, %v", tt.method, tt.path, status, text, err)
		}
	}
	s.kill()
	after := serve(t, "--database", database, "--admin-token-file", token)
	c := after.client(t, database)
	for _, name := range answered {
		if _, found, err := c.AgentByExternalID(t.Context(), name); !found || err != nil {
			t.Errorf("%s was answered, and after a start it is there: %v, %v", name, found, err)
		}
	}
	if _, err := c.CreateAgent(t.Context(), newAgent("after")); err != nil {
		t.Errorf("after a start: %v", err)
	}
}
