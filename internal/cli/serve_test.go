package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// client is the real one, signed in with the admin token.
func (s *serving) client(t *testing.T, database string) *client.Client {
	t.Helper()
	token := secret.New(readFile(t, database+".admin-token"))
	c, err := client.New(client.Config{BaseURL: s.url, Auth: client.BearerToken(token), MaxRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newAgent(name string) api.Agent {
	return api.Agent{ExternalID: name, Profile: api.AgentProfile{DisplayName: name}}
}

// A client works against serve as against any other server, and a restart keeps
// what it was told.
func TestServe(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database)
	c := s.client(t, database)
	a, err := c.CreateAgent(t.Context(), newAgent("bot"))
	if err != nil {
		t.Fatal(err)
	}
	if !a.Password.HasOurShape() || !strings.HasPrefix(a.Meta.Location, s.url) {
		t.Errorf("the agent is %+v at %s", a, a.Meta.Location)
	}
	added, err := c.AddSecret(t.Context(), a.ID, api.SecretRequest{})
	if err != nil || added.CreatedBy != "admin" {
		t.Fatalf("AddSecret = %+v, %v", added, err)
	}
	before, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, s.text())
	}

	c = serve(t, "--database", database).client(t, database)
	after, err := c.Server(t.Context())
	if err != nil || after.StoreID != before.StoreID {
		t.Errorf("the store was %s and is %s, %v", before.StoreID, after.StoreID, err)
	}
	secrets, err := c.Secrets(t.Context(), a.ID)
	if err != nil || len(secrets) != 2 || secrets[0].SecretID != added.SecretID {
		t.Errorf("the secrets are %+v, %v", secrets, err)
	}
}

// Two servers share one file: what one answered, the other knows at once.
func TestTwoServers(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	one, two := serve(t, "--database", database).client(t, database), serve(t, "--database", database).client(t, database)
	var done sync.WaitGroup
	for i := range 16 {
		done.Go(func() {
			write, read := one, two
			if i%2 == 1 {
				write, read = two, one
			}
			a, err := write.CreateAgent(t.Context(), newAgent(fmt.Sprint("bot-", i)))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := read.Agent(t.Context(), a.ID); err != nil {
				t.Errorf("the other server does not know agent %d: %v", i, err)
			}
		})
	}
	done.Wait()
}

// Of several first starters one makes database and token; all use them.
func TestTogether(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	var started [6]*serving
	var done sync.WaitGroup
	for i := range started {
		cmd := program(t, "serve", "--listen", "127.0.0.1:0", "--database", database)
		done.Go(func() {
			var err error
			if started[i], err = start(cmd); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	stores := map[string]bool{}
	for _, s := range started {
		if s == nil {
			continue
		}
		t.Cleanup(s.kill)
		srv, err := s.client(t, database).Server(t.Context())
		if err != nil {
			t.Errorf("a server does not take the token: %v", err)
		}
		stores[srv.StoreID] = true
	}
	if len(stores) != 1 {
		t.Errorf("the servers have the stores %v", stores)
	}
	left, err := filepath.Glob(database + "*new-*")
	if err != nil || len(left) > 0 {
		t.Errorf("they left %v, %v", left, err)
	}
}

// A port that is taken is said, and nothing is made.
func TestPortInUse(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, "--database", filepath.Join(dir, "one.db"))
	cmd := program(t, "serve", "--listen", strings.TrimPrefix(s.url, "http://"), "--database", filepath.Join(dir, "two.db"))
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("got %v, want exit code 1", err)
	}
	for _, want := range []string{"agentcreds: error: listen tcp 127.0.0.1:", "agentcreds: hint: ", "--listen"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "two.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database was made: %v", err)
	}
}

// Whatever the umask, nobody else reads what serve makes.
func TestUmask(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("it needs bash to set a umask")
	}
	dir := filepath.Join(t.TempDir(), "data")
	direct := program(t, "serve", "--listen", "127.0.0.1:0", "--database", filepath.Join(dir, "agents.db"))
	args := append([]string{"-c", `umask 0; exec -a agentcreds "$0" "$@"`, direct.Path}, direct.Args[1:]...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bash, args...)
	cmd.Env = direct.Env
	s, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	if _, err := s.client(t, filepath.Join(dir, "agents.db")).CreateAgent(t.Context(), newAgent("bot")); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Headers have a bound.
func TestHeaderLimit(t *testing.T) {
	s := serve(t, "--database", filepath.Join(t.TempDir(), "agents.db"))
	status, _, _, err := ask(t.Context(), http.MethodGet, s.url+api.PathHealth, strings.Repeat("x", 64<<10), "")
	if err != nil || status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers get %d, %v", status, err)
	}
}
