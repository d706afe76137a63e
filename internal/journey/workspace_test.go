//go:build unix

package journey_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// workspace is a working directory of Terraform, with a configuration, a state
// and a database of its own.
type workspace struct {
	t   testing.TB
	dir string
	env []string            // beside the clean ones
	as  *syscall.Credential // nil: the user of the test
	// limit, when not 0, is how large a file may become, in bytes; umask,
	// when not "", is that of the CLI.
	limit int
	umask string
}

// newWorkspace makes one with a configuration.
func newWorkspace(t testing.TB, config string) *workspace {
	t.Helper()
	tools(t)
	w := &workspace{t: t, dir: t.TempDir()}
	w.write("main.tf", config)
	return w
}

// header is what every configuration begins with: the source works without
// init, since the CLI is told where the provider is.
const header = `
terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
  }
}
`

func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

func (w *workspace) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o644); err != nil { //nolint:gosec // another user may have to read it
		w.t.Fatal(err)
	}
}

func (w *workspace) read(name string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// remove removes files; a name may be a pattern.
func (w *workspace) remove(pattern string) {
	w.t.Helper()
	names, err := filepath.Glob(w.path(pattern))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		if err := os.RemoveAll(name); err != nil {
			w.t.Fatal(err)
		}
	}
}

// copyFrom takes over files of another workspace; a name may be a pattern.
func (w *workspace) copyFrom(other *workspace, patterns ...string) {
	w.t.Helper()
	for _, pattern := range patterns {
		names, err := filepath.Glob(other.path(pattern))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, name := range names {
			base := filepath.Base(name)
			if err := os.WriteFile(w.path(base), other.read(base), 0o600); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// command is the CLI in the workspace, with nothing of the environment of the
// test that could have a say: no TF_*, no AGENTCREDS_*.
func (w *workspace) command(args ...string) *exec.Cmd {
	ts := tools(w.t)
	if w.as != nil {
		var err error
		if ts.cli, err = forEverybody(); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.Command(ts.cli, args...) //nolint:gosec // the CLI that the user named
	if w.limit != 0 || w.umask != "" {
		script := `ulimit -f "$0" && umask "$1" && shift && exec "$@"`
		limit := "unlimited"
		if w.limit != 0 {
			limit = strconv.Itoa(w.limit / 512)
		}
		cmd = exec.Command("sh", append([]string{"-c", script, limit, cmp.Or(w.umask, "022"), ts.cli}, args...)...) //nolint:gosec // as above
	}
	cmd.Dir = w.dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8",
		"TF_CLI_CONFIG_FILE=" + ts.config, "CHECKPOINT_DISABLE=1",
	}, w.env...)
	if w.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.as}
	}
	return cmd
}

// begin starts plan, apply or another verb; wait gives what it comes to.
func (w *workspace) begin(verb string, args ...string) *process {
	w.t.Helper()
	full := []string{verb, "-no-color"}
	if verb == "state" { // which has verbs of its own
		full = full[:1]
	}
	if verb == "plan" || verb == "apply" || verb == "destroy" {
		full = append(full, "-input=false")
	}
	if verb == "apply" || verb == "destroy" {
		full = append(full, "-auto-approve")
	}
	return begin(w.t, w.command(append(full, args...)...))
}

func (w *workspace) run(verb string, args ...string) result {
	w.t.Helper()
	return w.begin(verb, args...).wait()
}

// must runs a verb that has to succeed.
func (w *workspace) must(verb string, args ...string) result {
	w.t.Helper()
	r := w.run(verb, args...)
	if r.code != 0 {
		w.t.Fatalf("%s", r)
	}
	return r
}

// settled plans and wants to see nothing to do.
func (w *workspace) settled(args ...string) result {
	w.t.Helper()
	r := w.run("plan", append([]string{"-detailed-exitcode"}, args...)...)
	if r.code != 0 {
		w.t.Fatalf("the plan is not empty: %s", r)
	}
	return r
}

// state is a state file, as far as the journeys look into it.
type state struct {
	Serial    int
	Resources []struct {
		Mode, Type, Name string
		Instances        []struct {
			Status     string
			Deposed    string
			Attributes map[string]any
		}
	}
}

// stateNow reads the state; none is an empty one. What is no state is an error,
// as Terraform leaves one when it is killed while it writes.
func (w *workspace) stateNow() (state, error) {
	var s state
	data, err := os.ReadFile(w.path("terraform.tfstate"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	return s, err
}

func (w *workspace) state() state {
	w.t.Helper()
	s, err := w.stateNow()
	if err != nil {
		w.t.Fatalf("read the state: %v", err)
	}
	return s
}

// attributes are those of all instances of a type, deposed ones too.
func (s state) attributes(resource string) []map[string]any {
	var out []map[string]any
	for _, r := range s.Resources {
		if r.Type != resource || r.Mode != "managed" {
			continue
		}
		for _, i := range r.Instances {
			out = append(out, i.Attributes)
		}
	}
	return out
}

// agentIDs are sorted.
func (s state) agentIDs() []string {
	var ids []string
	for _, a := range s.attributes("agentcreds_agent") {
		ids = append(ids, text(a["id"]))
	}
	slices.Sort(ids)
	return ids
}

// held is a secret as the state holds it.
type held struct{ agentID, id, value string }

// secrets are those of the state, by agent.
func (s state) secrets() map[string]held {
	out := map[string]held{}
	for _, a := range s.attributes("agentcreds_agent_secret") {
		out[text(a["agent_id"])] = held{text(a["agent_id"]), text(a["secret_id"]), text(a["secret"])}
	}
	return out
}

// allSecrets are those of the state, by agent, those of pairs among them.
func (s state) allSecrets() map[string]held {
	out := s.secrets()
	for _, pair := range s.attributes("agentcreds_agent_pair") {
		for _, side := range []string{"blue", "green"} {
			have, _ := pair[side].(map[string]any)
			id := text(pair[side+"_agent_id"])
			out[id] = held{id, text(have["secret_id"]), text(have["secret"])}
		}
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// lines joins lines of a configuration.
func lines(parts ...string) string { return strings.Join(parts, "\n") + "\n" }
