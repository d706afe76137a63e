package journey_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hunt looks for secrets in everything that a journey leaves behind.
type hunt struct {
	*testing.T
	w *workspace
	n *needles
	// px, if there is one, has seen secrets that no state ever had.
	px *proxy
	// strict: not even the attribute secret may hold one.
	strict bool
	// home tells what a file is for: the token file holds the token.
	home map[string]string

	mu    sync.Mutex
	heard map[string][]byte // command lines, environments and output of a step

	steps, files, texts int
	found               map[string]bool
}

func newHunt(t *testing.T, config string) *hunt {
	h := &hunt{T: t, n: newNeedles(), home: map[string]string{}, heard: map[string][]byte{}, found: map[string]bool{}}
	h.w = h.workspace(config)
	return h
}

// workspace is one whose temporary files can be seen.
func (h *hunt) workspace(config string) *workspace {
	h.Helper()
	w := newWorkspace(h, config)
	if err := os.Mkdir(w.path("tmp"), 0o700); err != nil {
		h.Fatal(err)
	}
	return w
}

// run runs a step and looks at all that there is then.
func (h *hunt) run(want int, verb string, args ...string) {
	h.Helper()
	r := h.begin(verb, args...).wait()
	if r.code != want {
		h.Fatalf("exit %d, want %d: %s", r.code, want, r)
	}
	h.look(r)
}

// begin starts a step with every log that there is; every second one writes it
// where Terraform writes everything else.
func (h *hunt) begin(verb string, args ...string) *process {
	h.Helper()
	base := h.w.env
	defer func() { h.w.env = base }()
	h.w.env = append(slices.Clone(base), "TF_LOG=TRACE", "TMPDIR="+h.w.path("tmp"))
	if h.steps++; h.steps%2 == 0 {
		h.w.env = append(h.w.env, "TF_LOG_PATH="+h.w.path("trace.log"))
	}
	p := h.w.begin(verb, args...)
	go h.watch(p)
	return p
}

// watch reads the command lines and environments of what runs.
func (h *hunt) watch(p *process) {
	for {
		for _, pid := range append(children(p.pid(), ""), p.pid()) {
			h.process(pid)
		}
		select {
		case <-p.ended:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// process looks at a running program.
func (h *hunt) process(pid int) {
	for _, what := range []string{"cmdline", "environ"} {
		if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, what)); err == nil {
			h.hear(what+" of a running program", data)
		}
	}
}

func (h *hunt) hear(what string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[fmt.Sprintf("%s %x", what, sha256.Sum256(data))] = data
}

// look collects the secrets that there are now, and searches what there is for
// these and all before.
func (h *hunt) look(r result) {
	h.Helper()
	for _, s := range h.w.state().secrets() {
		h.n.add("secret "+s.id, s.value)
	}
	if h.px != nil {
		for _, seen := range h.px.log() {
			h.n.add("secret of "+seen.path, seen.secret)
		}
	}
	if strings.HasPrefix(r.args, "output ") {
		r.stdout = `{"outputs":` + r.stdout + `}` // as a state has them
	}
	h.hear("output of "+r.args, []byte(r.stdout))
	h.hear("errors and logs of "+r.args, []byte(r.stderr))
	h.mu.Lock()
	heard := h.heard
	h.heard = map[string][]byte{}
	h.mu.Unlock()
	for what, data := range heard {
		h.texts++
		h.report(what[:strings.LastIndexByte(what, ' ')], h.n.find(h.allowed(data)))
	}
	h.tree(h.w.dir)
	h.w.remove("trace.log")
}

// tree looks into all files of a directory.
func (h *hunt) tree(dir string) {
	h.Helper()
	for path, data := range tree(h, dir) {
		h.files++
		h.file(path, data)
	}
}

// tree reads all files of a directory, by their paths.
func tree(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		out[path], err = os.ReadFile(path) //nolint:gosec // of the workspace
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (h *hunt) file(path string, data []byte) {
	h.Helper()
	name := filepath.Base(path)
	if value := h.home[name]; value != "" {
		data = bytes.ReplaceAll(data, []byte(value), nil)
	}
	if strings.HasSuffix(name, ".tfplan") {
		h.plan(path, data)
		return
	}
	h.report(name, h.n.find(h.allowed(data)))
}

// plan looks into a saved plan: its states hold the attribute, and so does the
// plan itself, as often as its changes say.
func (h *hunt) plan(path string, data []byte) {
	h.Helper()
	parts := unzip(data)
	if parts["tfplan"] == nil || parts["tfstate"] == nil {
		h.Fatalf("%s is not a saved plan", path)
	}
	shown := h.w.must("show", "-json", path)
	h.report("a saved plan, shown", h.n.find(h.allowed([]byte(shown.stdout))))
	for name, part := range parts {
		if name != "tfplan" {
			h.report(name+" of a saved plan", h.n.find(h.allowed(part)))
			continue
		}
		for value, secret := range h.n.known {
			if got, may := bytes.Count(part, []byte(value)), changed(h, shown.stdout, value); got > may {
				h.Errorf("a saved plan has %s %d times, its changes %d times", secret, got, may)
			}
		}
	}
}

// changed counts how often a value is in the changes of a plan.
func changed(t testing.TB, shown, value string) int {
	t.Helper()
	var plan map[string]json.RawMessage
	if err := json.Unmarshal([]byte(shown), &plan); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, member := range []string{"resource_changes", "resource_drift", "output_changes"} {
		n += strings.Count(string(plan[member]), value)
	}
	return n
}

func (h *hunt) report(where string, found []string) {
	h.Helper()
	for _, f := range found {
		if key := where + ": " + f; !h.found[key] {
			h.found[key] = true
			h.Errorf("found in %s", key)
		}
	}
}

// allowed is data without what may hold a secret.
func (h *hunt) allowed(data []byte) []byte {
	if h.strict {
		return data
	}
	return allowed(data)
}

// enough makes sure that the hunt was one.
func (h *hunt) enough(secrets int) {
	h.Helper()
	h.Logf("looked for %d secrets in %d files and %d other texts", len(h.n.known), h.files, h.texts)
	if len(h.n.known) < secrets || h.files < 50 || h.texts < 50 {
		h.Errorf("that is no search: want %d secrets at least", secrets)
	}
}
