package main

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the user asks Terraform for is what the SDK writes, and nothing more.
func TestQuiet(t *testing.T) {
	all := func(level string) map[string]string {
		out := map[string]string{}
		for _, name := range logVariables {
			out[name] = level
		}
		return out
	}
	for _, tt := range []struct {
		environ []string
		want    map[string]string // nil: left alone
	}{
		{nil, all("OFF")},
		{[]string{"TF_LOG="}, all("OFF")},
		{[]string{"TF_LOG_CORE=TRACE"}, all("OFF")},
		{[]string{"TF_LOG_SDK_PROTO_DATA_DIR=/tmp/x"}, all("OFF")},
		{[]string{"TF_LOG_PROVIDER_OTHER=TRACE", "TF_LOG_PATH=x"}, all("OFF")},
		{[]string{"TF_LOG=warn"}, all("WARN")},
		{[]string{"TF_LOG=ERROR"}, all("ERROR")},
		{[]string{"TF_LOG=OFF"}, all("OFF")},
		{[]string{"TF_LOG=TRACE", "TF_LOG_PROVIDER=INFO"}, all("INFO")},
		{[]string{"TF_LOG=ERROR", "TF_LOG_PROVIDER=trace"}, nil},
		{[]string{"TF_LOG=TRACE"}, nil},
		{[]string{"TF_LOG=JSON"}, nil},
		{[]string{"TF_LOG=1"}, nil}, // Terraform takes it for TRACE
		{[]string{"TF_LOG_SDK=DEBUG"}, nil},
		{[]string{"TF_LOG_SDK_FRAMEWORK=TRACE"}, nil},
		{[]string{"TF_LOG_SDK_PROTO=OFF", "TF_LOG=WARN"}, nil},
		{[]string{"TF_LOG_PROVIDER_AGENTCREDS=DEBUG"}, nil},
	} {
		got := map[string]string{}
		if did := quiet(tt.environ, func(key, value string) error { got[key] = value; return nil }); did != (tt.want != nil) {
			t.Errorf("with %v it reports %v", tt.environ, did)
		}
		if !maps.Equal(got, tt.want) && (len(got) > 0 || tt.want != nil) {
			t.Errorf("with %v it sets %v, want %v", tt.environ, got, tt.want)
		}
	}
}

func TestIsDebug(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want bool
	}{
		{nil, false},
		{[]string{"-debug"}, true},
		{[]string{"--debug"}, true},
		{[]string{"serve", "-debug"}, false},
		{[]string{"-debug", "x"}, false},
	} {
		if got := isDebug(tt.args); got != tt.want {
			t.Errorf("isDebug(%v) = %v, want %v", tt.args, got, tt.want)
		}
	}
}

func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "terraform-provider-agentcreds")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "-ldflags", "-X main.version=9.8.7", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// The one binary is plugin and command line.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary")
	}
	bin := build(t)
	for _, tt := range []struct {
		args, cookie   string
		code           int
		stdout, stderr string
	}{
		{args: "version", stdout: "9.8.7"},
		{args: "--help", stdout: "serve"},
		{args: "version", cookie: "x", stdout: "9.8.7"},
		{args: "", code: 1, stderr: "agentcreds: error: this is a Terraform plugin"},
		{args: "nosuch", code: 2, stderr: `agentcreds: error: unknown command "nosuch"`},
		{args: "", cookie: "wrong", code: 1, stderr: "This binary is a plugin"}, // go-plugin's own words
	} {
		t.Run(tt.args+" "+tt.cookie, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), bin, strings.Fields(tt.args)...)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
			if tt.cookie != "" {
				cmd.Env = append(cmd.Env, magicCookie+"="+tt.cookie)
			}
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && exit.ExitCode() != tt.code || err == nil && tt.code != 0 {
				t.Errorf("%v, want exit code %d", err, tt.code)
			}
			if !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("stdout %q, stderr %q; want %q and %q in them", stdout.String(), stderr.String(), tt.stdout, tt.stderr)
			}
			if left, err := os.ReadDir(cmd.Dir); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}
