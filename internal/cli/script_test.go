package cli_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the sessions in testdata. Beside the usual commands they
// have:
//
//	serve [flag...]             starts a server, waits until it listens, sets $URL
//	ask METHOD PATH [FILE]      sends a request, with the token in FILE; prints status, challenge and body
//	load FILE                   sets the variables that FILE has, a line for each
//	field NAME FILE MEMBER      sets NAME to a member of the JSON object in FILE
//	sql FILE STATEMENT          changes a database behind everybody's back
//	agekey FILE NAME            makes a key of age: FILE has the private half, $NAME is the other
//	crash                       ends the server with -9
//	terminate                   sends SIGTERM, wants exit code 0, prints the log to stderr
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Values["server"] = new(*serving)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":     scriptServe,
			"ask":       scriptAsk,
			"terminate": scriptTerminate,
			"mode":      scriptMode,
			"load":      scriptLoad,
			"field":     scriptField,
			"sql":       scriptSQL,
			"agekey":    scriptAgeKey,
			"crash": func(ts *testscript.TestScript, _ bool, _ []string) {
				(*serverOf(ts)).kill()
			},
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
	})
}

func serverOf(ts *testscript.TestScript) **serving {
	s, ok := ts.Value("server").(**serving)
	if !ok {
		ts.Fatalf("the script has no place for a server")
	}
	return s
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("a server that must not start is started by ! exec agentcreds serve")
	}
	self, err := os.Executable()
	ts.Check(err)
	cmd := exec.Command(self, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Args[0] = "agentcreds"
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "AGENTCREDS_DATABASE", "AGENTCREDS_FAULT", "AGENTCREDS_LOG_LEVEL", "AGENTCREDS_MAX_SECRETS", "AGENTCREDS_TRUSTED_PROXY", "SEAL"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	s, err := start(cmd)
	ts.Check(err)
	ts.Defer(s.kill)
	*serverOf(ts) = s
	ts.Setenv("URL", s.url)
}

func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 4 {
		ts.Fatalf("usage: ask METHOD PATH [TOKENFILE [BODY]]")
	}
	var token, body string
	if len(args) > 2 {
		token = strings.TrimSpace(ts.ReadFile(args[2]))
	}
	if len(args) > 3 {
		body = args[3]
	}
	status, text, header, err := ask(context.Background(), args[0], ts.Getenv("URL")+args[1], token, body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n%s", status, header.Get("WWW-Authenticate"), text)
	if (status >= 400) != neg {
		ts.Fatalf("%s %s: status %d\n%s", args[0], args[1], status, text)
	}
}

func scriptTerminate(ts *testscript.TestScript, _ bool, _ []string) {
	s := *serverOf(ts)
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.exited
	fmt.Fprint(ts.Stderr(), s.text())
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("exit code %d", code)
	}
}

// scriptMode wants files to have the mode, and no more than one name.
func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args[1:] {
		info, err := os.Lstat(ts.MkAbs(filepath.FromSlash(file)))
		ts.Check(err)
		if (fmt.Sprintf("%o", info.Mode().Perm()) == args[0]) == neg {
			ts.Fatalf("%s has the mode %o", file, info.Mode().Perm())
		}
	}
}

func scriptLoad(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			ts.Fatalf("%s is not a line of an environment", line)
		}
		ts.Setenv(name, value)
	}
}

func scriptSQL(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(errors.Join(err, db.Close()))
}

func scriptAgeKey(ts *testscript.TestScript, _ bool, args []string) {
	key, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# a key for tests\n"+key.String()+"\n"), 0o600))
	ts.Setenv(args[1], key.Recipient().String())
}

func scriptField(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[1])
	if at := strings.IndexByte(text, '{'); at > 0 {
		text = text[at:] // ask prints the status first
	}
	var members map[string]any
	ts.Check(json.Unmarshal([]byte(text), &members))
	value, ok := members[args[2]].(string)
	if !ok {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	ts.Setenv(args[0], value)
}
