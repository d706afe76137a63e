//go:build unix

package journey_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

var update = flag.Bool("update", false, "write the golden diagnostics anew")

// root holds what all journeys share; TestMain removes it.
var root string

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if root, err = os.MkdirTemp("", "journey-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// A journey that runs as another user must reach it.
	if err := os.Chmod(root, 0o755); err != nil { //nolint:gosec // nothing secret is in it
		fmt.Fprintln(os.Stderr, err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		killRunning()
		_ = os.RemoveAll(root)
		os.Exit(1)
	}()
	code := m.Run()
	if err := os.RemoveAll(root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// toolset is what runs in a journey.
type toolset struct {
	cli      string // Terraform or OpenTofu
	provider string // our program
	config   string // a CLI configuration that makes the CLI use it
}

var errNoCLI = errors.New("neither terraform nor tofu is on PATH, and AGENTCREDS_TEST_CLI is not set; make test finds or builds one")

var builtOnce = sync.OnceValues(func() (toolset, error) {
	cli, err := findCLI()
	if err != nil {
		return toolset{}, err
	}
	dir := filepath.Join(root, "provider")
	ts := toolset{cli: cli, provider: filepath.Join(dir, "terraform-provider-agentcreds"), config: filepath.Join(root, "cli.tfrc")}
	if err := build(ts.provider); err != nil {
		return ts, err
	}
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"agentcreds/agentcreds\" = %q\n  }\n  direct {}\n}\n", dir)
	return ts, os.WriteFile(ts.config, []byte(text), 0o644) //nolint:gosec // as above
})

// tools builds the provider once in a test run.
func tools(t testing.TB) toolset {
	t.Helper()
	ts, err := builtOnce()
	if errors.Is(err, errNoCLI) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// forEverybody is a copy of the CLI that other users may run too: a cache
// folder is often its owner's alone.
var forEverybody = sync.OnceValues(func() (string, error) {
	ts, err := builtOnce()
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(ts.cli)
	if err != nil {
		return "", err
	}
	out := filepath.Join(root, filepath.Base(ts.cli))
	return out, os.WriteFile(out, data, 0o755) //nolint:gosec // that is what it is for
})

func findCLI() (string, error) {
	if named := os.Getenv("AGENTCREDS_TEST_CLI"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("AGENTCREDS_TEST_CLI: %w", err)
		}
		return filepath.Abs(path)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errNoCLI
}

// build makes our program as a release does.
func build(out string) error { return buildPackage(out, ".") }

// buildPackage makes a program of a package of this module.
func buildPackage(out, pkg string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", out, pkg)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, said.String())
	}
	return nil
}

// number reads a size from the environment.
func number(t testing.TB, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is not a size", name, text)
	}
	return n
}
