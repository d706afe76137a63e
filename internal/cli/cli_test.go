package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/cli"
)

// TestMain makes the test binary the program itself when it is called by its
// name: scripts and tests run a real process.
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){
		"agentcreds": func() {
			os.Exit(cli.Main(context.Background(), cli.Program{
				Args: os.Args[1:], Version: "1.2.3", Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
			}))
		},
		"bare": bareServer,
	})
}

// tidy wants every goroutine that a test started to have ended.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	code := m.M.Run()
	for _, c := range []*http.Client{http.DefaultClient, stormClient, weatherClient, linearClient} {
		c.CloseIdleConnections() // they are kept for all tests
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestKnown(t *testing.T) {
	for _, tt := range []struct {
		args string
		want bool
	}{
		{"", false},
		{"serve", true},
		{"serve --nosuch", true},
		{"version --json", true},
		{"help", true},
		{"--help", true},
		{"-h", true},
		{"--version", true},
		{"-debug", false},
		{"nosuch", false},
		{"nosuch serve", false},
	} {
		if got := cli.Known(strings.Fields(tt.args)); got != tt.want {
			t.Errorf("Known(%q) = %v, want %v", tt.args, got, tt.want)
		}
	}
}

// program is the command in a process of its own.
func program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, args...)
	cmd.Args[0] = "agentcreds"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GORACE=" + os.Getenv("GORACE")}
	cmd.Env = append(cmd.Env, "GOGC=400") // as main sets it; serve itself says how much memory it aims at
	return cmd
}

// serving is a server in a process of its own.
type serving struct {
	cmd    *exec.Cmd
	url    string
	exited chan struct{}
	err    error // of Wait, when exited

	mu  sync.Mutex
	log strings.Builder
}

// serve starts a server and waits until it says that it listens.
func serve(t testing.TB, args ...string) *serving {
	t.Helper()
	s, err := start(program(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func start(cmd *exec.Cmd) (*serving, error) {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &serving{cmd: cmd, exited: make(chan struct{})}
	url := make(chan string, 1)
	go s.follow(stderr, url)
	select {
	case s.url = <-url:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("the server ended: %w\n%s", s.err, s.text())
	case <-time.After(30 * time.Second):
		s.kill()
		return nil, errors.New("the server does not listen")
	}
}

// follow reads the log until the process ends.
func (s *serving) follow(stderr io.Reader, url chan<- string) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			url <- line.URL
		}
		s.mu.Lock()
		s.log.WriteString(lines.Text() + "\n")
		s.mu.Unlock()
	}
	s.err = s.cmd.Wait()
	close(s.exited)
}

// text is what the server has written so far.
func (s *serving) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// kill ends the server by kill -9.
func (s *serving) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the server by SIGTERM and returns its exit code.
func (s *serving) stop(t *testing.T) int {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

// ask sends a request and returns status and body.
func ask(ctx context.Context, method, url, token, body string) (status int, text string, header http.Header, err error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := asker.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), answer.Header, err
}

// asker uses each connection once: servers come and go.
var asker = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// exchange sends a request and returns status and body.
func exchange(r *http.Request) (status int, text string, err error) {
	answer, err := asker.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// linearClient keeps a connection for each of the clients of a history.
var linearClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}
