package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// terminal is a folder in which a test types commands of Terraform, for what
// the test library cannot do: -replace, workspaces, saved plans. The provider is
// served by this process.
type terminal struct {
	t   *testing.T
	dir string
	env []string
}

// newTerminal serves the provider and initializes a folder with the
// configuration.
func newTerminal(t *testing.T, config string) *terminal {
	t.Helper()
	const address = "registry.terraform.io/agentcreds/agentcreds"
	served, closed := make(chan *goplugin.ReattachConfig, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		err := tf6server.Serve(address, provider.NewServer("test"), tf6server.WithDebug(ctx, served, closed), tf6server.WithLoggingSink(t), tf6server.WithGoPluginLogger(hclog.NewNullLogger()))
		if err != nil {
			t.Error("serve the provider:", err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-closed
	})
	var at *goplugin.ReattachConfig
	select {
	case at = <-served:
	case <-time.After(time.Minute):
		t.Fatal("the provider was not served within a minute")
	}
	reattach, err := json.Marshal(map[string]any{address: map[string]any{
		"Protocol": string(at.Protocol), "ProtocolVersion": at.ProtocolVersion, "Pid": at.Pid, "Test": true,
		"Addr": map[string]string{"Network": at.Addr.Network(), "String": at.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := &terminal{t: t, dir: t.TempDir(), env: append(os.Environ(), "TF_REATTACH_PROVIDERS="+string(reattach), "TF_IN_AUTOMATION=1", "TF_INPUT=0")}
	c.write(config)
	c.must("init", "-no-color")
	return c
}

func (c *terminal) write(config string) {
	c.t.Helper()
	text := needs("registry.terraform.io/agentcreds/agentcreds") + config
	if err := os.WriteFile(filepath.Join(c.dir, "main.tf"), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run types a command and gives what it printed.
func (c *terminal) run(args ...string) (out string, err error) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), cli(), args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err = cmd.Run()
	return both.String(), err
}

func (c *terminal) must(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// apply applies without a question.
func (c *terminal) apply(args ...string) string {
	c.t.Helper()
	return c.must(append([]string{"apply", "-no-color", "-auto-approve"}, args...)...)
}

// clean checks that there is nothing to do.
func (c *terminal) clean() {
	c.t.Helper()
	if out, err := c.run("plan", "-no-color", "-detailed-exitcode"); err != nil {
		c.t.Errorf("the plan is not empty: %v\n%s", err, out)
	}
}

// state reads a resource from the state.
func (c *terminal) state(address string) attrs {
	c.t.Helper()
	var shown struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	dec := json.NewDecoder(strings.NewReader(c.must("show", "-json")))
	dec.UseNumber()
	if err := dec.Decode(&shown); err != nil {
		c.t.Fatal(err)
	}
	for _, r := range shown.Values.RootModule.Resources {
		if r.Address == address {
			return fromJSON(r.Values)
		}
	}
	return nil
}
