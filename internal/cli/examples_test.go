package cli_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples call serve as it wants to be called: a wrong flag, or one that
// does not go with the others, would be exit code 2.
func TestExamples(t *testing.T) {
	unit := readFile(t, filepath.Join("..", "..", "examples", "serve", "agentcreds.service"))
	begins := regexp.MustCompile(`(?m)^ExecStart=\S+ (serve .*)$`).FindStringSubmatch(unit)
	if begins == nil {
		t.Fatal("the unit starts no server")
	}
	file := readFile(t, filepath.Join("..", "..", "examples", "serve", "Containerfile"))
	cmd := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindStringSubmatch(file)
	var args []string
	if cmd == nil || json.Unmarshal([]byte(cmd[1]), &args) != nil {
		t.Fatal("the container runs no command")
	}
	dir := t.TempDir()
	cert, key := writePair(t, dir, 1)
	replace := strings.NewReplacer(
		"/var/lib/agentcreds", dir, "/data", dir, "0.0.0.0:8443", "0.0.0.0:0", "0.0.0.0:8484", "0.0.0.0:0",
		"/etc/agentcreds/tls.crt", cert, "/etc/agentcreds/tls.key", key,
	)
	for name, args := range map[string][]string{"unit": strings.Fields(begins[1]), "container": args} {
		for i := range args {
			args[i] = replace.Replace(args[i])
		}
		cmd := program(t, args...)
		cmd.Env = append(cmd.Env, "AGENTCREDS_ISSUER=https://agents.example.com")
		s, err := start(cmd)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.stop(t) != 0 {
			t.Errorf("%s: %s", name, s.text())
		}
		if found, err := filepath.Glob(filepath.Join(dir, "*.admin-token")); err != nil || len(found) > 0 {
			t.Errorf("%s: it says that there is no admin token, and made %v, %v", name, found, err)
		}
	}
}
