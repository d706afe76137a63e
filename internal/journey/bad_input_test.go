//go:build unix

package journey_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// wrong is one thing that can be wrong. Whatever it is: the exit code is 1, the
// diagnostics are those of the golden file, and they name the attribute or the
// file; nothing is half done; and once it is repaired everything works.
type wrong struct {
	name string
	says []string // names that a user must find in the diagnostics

	// Before it is wrong: agent and secret are there, unless fresh.
	fresh bool
	with  func(*wreck) // what is there beside them, before the first apply

	// What is wrong: the configuration, or what make does.
	config string   // in the place of the good one
	args   []string // further ones
	make   func(*wreck)
	repair func(*wreck)

	within time.Duration // 0: 30 s
	kept   bool          // the state is allowed to grow: what is right is done
}

// wreck is a wrong on its way.
type wreck struct {
	*testing.T
	w    *workspace
	s    *server // of those who have one
	px   *proxy  // in front of it
	good string
	undo []func()
}

func (b *wreck) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// config is a good configuration, around a provider block and with further
// arguments of the secret.
func config(provider string, secretArgs ...string) string {
	return header + provider + `
resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  external_id  = "team/bot"
}

resource "agentcreds_agent_secret" "bot" {
  agent_id = agentcreds_agent.bot.id
` + lines(secretArgs...) + `}
`
}

const embedded = `
provider "agentcreds" {
  embedded_path = "agentcreds.db"
}
`

func TestJourney_badInput(t *testing.T) {
	tools(t)
	names := map[string]bool{}
	for _, list := range [][]wrong{wrongWords(), wrongFiles(), wrongServers()} {
		for _, tt := range list {
			if names[tt.name] {
				t.Fatalf("two cases are called %s", tt.name)
			}
			names[tt.name] = true
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				tt.run(t)
			})
		}
	}
	t.Run("no golden file is left over", func(t *testing.T) {
		files, err := os.ReadDir("testdata/diagnostics")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if name := strings.TrimSuffix(f.Name(), ".txt"); !names[name] {
				t.Errorf("no case is called %s", name)
			}
		}
	})
}

func (tt wrong) run(t *testing.T) {
	b := &wreck{T: t, w: newWorkspace(t, ""), good: config(embedded)}
	t.Cleanup(func() {
		for _, f := range slices.Backward(b.undo) {
			f()
		}
	})
	if tt.with != nil {
		tt.with(b)
	}
	b.w.write("main.tf", b.good)
	if !tt.fresh {
		b.w.must("apply")
	}
	had := b.w.state()

	if tt.make != nil {
		tt.make(b)
	}
	if tt.config != "" {
		b.w.write("main.tf", tt.config)
	}
	r := b.w.run("apply", append([]string{"-json"}, tt.args...)...)
	found := diagnosed(r)
	if r.code != 1 || len(found) == 0 {
		t.Fatalf("want exit 1 and an error: %s", r)
	}
	said := normal(b.w, found)
	golden(t, "diagnostics", tt.name, said)
	for _, name := range tt.says {
		if !strings.Contains(said, name) {
			t.Errorf("the diagnostics do not name %s:\n%s", name, said)
		}
	}
	if limit := max(tt.within, 30*time.Second); r.took > limit {
		t.Errorf("it took %s, want at most %s", r.took, limit)
	}
	if diff := cmp.Diff(had.Resources, b.w.state().Resources, cmpopts.EquateEmpty()); diff != "" && !tt.kept {
		t.Errorf("the state was changed (-had +has):\n%s", diff)
	}

	if tt.repair != nil {
		tt.repair(b)
	}
	b.w.write("main.tf", b.good)
	if !tt.fresh && !tt.kept {
		b.w.settled() // nothing was done at the server either
	}
	b.w.must("apply")
	b.w.settled()
	if n := len(b.w.state().secrets()); n < 1 {
		t.Errorf("the state has %d secrets after the repair", n)
	}
}

// wrongWords are mistakes in the configuration.
func wrongWords() []wrong {
	return []wrong{
		{name: "rotate_after-in-days", config: config(embedded, `rotate_after = "30 days"`), says: []string{"rotate_after", "720h"}},
		{name: "rotate_after-too-short", config: config(embedded, `rotate_after = "1s"`), says: []string{"rotate_after"}},
		{name: "grace_period-too-long", config: config(embedded, `grace_period = "721h"`), says: []string{"grace_period", "720h"}},
		{name: "grace_period-negative", config: config(embedded, `grace_period = "-1h"`), says: []string{"grace_period"}},
		{name: "expire_after-in-fractions", config: config(embedded, `expire_after = "90m0.5s"`), says: []string{"expire_after"}},
		{name: "grace-longer-than-expiry", config: config(embedded, `grace_period = "2h"`, `expire_after = "1h"`), says: []string{"grace_period", "expire_after"}},
		{name: "unknown-argument", config: config(embedded, `rotation_triggers = { by = "me" }`), says: []string{"rotation_triggers", "rotation_trigger"}},
		{name: "unknown-word", config: config(embedded, `on_drift = "panic"`), says: []string{"on_drift", "panic"}},
		{name: "request_timeout-zero", config: config("\nprovider \"agentcreds\" {\n  request_timeout = \"0s\"\n}\n"), says: []string{"request_timeout"}},
		{name: "endpoint-empty", config: config("\nprovider \"agentcreds\" {\n  endpoint = \"\"\n}\n"), says: []string{"endpoint"}},
		{name: "endpoint-without-scheme", config: config("\nprovider \"agentcreds\" {\n  endpoint     = \"localhost:8484\"\n  access_token = \"x\"\n}\n"), says: []string{"endpoint", "localhost:8484"}},
		{name: "endpoint-without-sign-in", config: config("\nprovider \"agentcreds\" {\n  endpoint = \"http://127.0.0.1:1\"\n}\n"), says: []string{"endpoint", "access_token"}},
		{name: "endpoint-and-embedded_path", says: []string{"endpoint", "embedded_path"},
			config: config("\nprovider \"agentcreds\" {\n  endpoint      = \"http://127.0.0.1:1\"\n  access_token  = \"x\"\n  embedded_path = \"agentcreds.db\"\n}\n")},
		{name: "agent-unknown", config: config(embedded) + "\nresource \"agentcreds_agent_secret\" \"stray\" {\n  agent_id = \"b1a7d1c8-2d4f-4f0e-9d43-0c1c3c9f0e55\"\n}\n",
			says: []string{"agentcreds_agent_secret.stray"}},
		{name: "import-unknown", config: config(embedded) + "\nimport {\n  to = agentcreds_agent.other\n  id = \"b1a7d1c8-2d4f-4f0e-9d43-0c1c3c9f0e55\"\n}\n\nresource \"agentcreds_agent\" \"other\" {\n  display_name = \"Other\"\n}\n",
			says: []string{"agentcreds.db"}},
		{name: "external_id-twice", config: config(embedded) + "\nresource \"agentcreds_agent\" \"twin\" {\n  display_name = \"Twin\"\n  external_id  = \"team/bot\"\n}\n",
			says: []string{"external_id", "agentcreds_agent.twin", "team/bot", "import {"}},
		{name: "external_id-twice-at-once", fresh: true, kept: true, says: []string{"external_id", "team/bot"},
			config: config(embedded) + "\nresource \"agentcreds_agent\" \"twin\" {\n  display_name = \"Bot\"\n  external_id  = agentcreds_agent.bot.external_id\n}\n"},
	}
}

// nobody is another user, where the test may become one.
func nobody() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}
