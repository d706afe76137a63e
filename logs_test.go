package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// terraform is the one that acceptance tests use, or the one in PATH.
func terraform(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("AGENTCREDS_TEST_CLI"); path != "" {
		return path
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("neither terraform nor tofu is here")
	return ""
}

// Log lines that Terraform would drop are not written at all: they cost 40 % of
// a plan. What the user asks for is there.
func TestLogs(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("it runs Terraform and a shell")
	}
	bin, tf := build(t), terraform(t)
	for _, tt := range []struct {
		env  string
		want bool
	}{
		{"TF_LOG=", false},
		{"TF_LOG=ERROR", false},
		{"TF_LOG=TRACE", true},
		{"TF_LOG_PROVIDER=TRACE", true},
		{"TF_LOG_SDK_PROTO=TRACE", true},
	} {
		t.Run(tt.env, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
				return path
			}
			// Terraform drops what it reads, so the plugin's stderr is
			// caught before it gets there.
			log := filepath.Join(dir, "stderr")
			write("terraform-provider-agentcreds", fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\" 2>>'%s'\n", bin, log))
			write("main.tf", "terraform {\n  required_providers {\n    agentcreds = { source = \"agentcreds/agentcreds\" }\n  }\n}\nresource \"agentcreds_agent\" \"a\" {\n  display_name = \"bot\"\n}\n")
			rc := write("rc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n    %q = %q\n  }\n  direct {}\n}\n",
				"registry.terraform.io/agentcreds/agentcreds", dir, "registry.opentofu.org/agentcreds/agentcreds", dir))
			cmd := exec.CommandContext(t.Context(), tf, "validate")
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TF_CLI_CONFIG_FILE=" + rc, "CHECKPOINT_DISABLE=1", tt.env}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(text), "tf_rpc"); got != tt.want {
				t.Errorf("log lines of the SDK: %v, want %v\n%.2000s", got, tt.want, text)
			}
		})
	}
}
