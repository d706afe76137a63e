//go:build unix

package journey_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// maxRun ends a program that hangs.
const maxRun = 30 * time.Minute

// output collects what a program says; it may be read while it speaks.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// process is a running program, the leader of a process group of its own.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	began          time.Time
	ended          chan struct{}
	took           time.Duration // once it has ended
}

// begin starts a program. It does not outlive the test, nor do its children.
func begin(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{}), began: time.Now()}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithUs(cmd.SysProcAttr)
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	running.Store(p, nil)
	go func() {
		_ = cmd.Wait() // what came of it is in ProcessState
		p.took = time.Since(p.began)
		close(p.ended)
	}()
	hung := time.AfterFunc(maxRun, p.killAll)
	t.Cleanup(func() {
		hung.Stop()
		p.killAll()
		<-p.ended
		running.Delete(p)
	})
	return p
}

// running are the programs of all tests, for when those are interrupted.
var running sync.Map

// killRunning ends them.
func killRunning() {
	running.Range(func(p, _ any) bool {
		p.(*process).killAll() //nolint:forcetypeassert // nothing else is in it
		return true
	})
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal reaches the leader alone.
func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// signalAll reaches the whole group, as Ctrl-C in a terminal does.
func (p *process) signalAll(sig syscall.Signal) { _ = syscall.Kill(-p.pid(), sig) }

func (p *process) killAll() { p.signalAll(syscall.SIGKILL) }

// over reports whether it has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// wait waits for the end.
func (p *process) wait() result {
	<-p.ended
	return result{
		args: strings.Join(p.cmd.Args[1:], " "), code: p.cmd.ProcessState.ExitCode(),
		stdout: p.stdout.String(), stderr: p.stderr.String(), took: p.took, state: p.cmd.ProcessState,
	}
}

// alone waits until nothing of the group runs any more, and kills what does
// then: a provider whose Terraform was killed goes on until its call is done.
func (p *process) alone(patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if errors.Is(syscall.Kill(-p.pid(), 0), syscall.ESRCH) {
			return
		}
	}
	p.killAll()
	for range 1000 {
		if errors.Is(syscall.Kill(-p.pid(), 0), syscall.ESRCH) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// result is what a program came to.
type result struct {
	args           string
	code           int // -1 when a signal ended it
	stdout, stderr string
	took           time.Duration
	state          *os.ProcessState
}

// String leaves out the middle of what a long run said.
func (r result) String() string {
	return fmt.Sprintf("%s: exit %d after %s\n%s%s", r.args, r.code, r.took.Round(time.Millisecond), ends(r.stdout), ends(r.stderr))
}

func ends(text string) string {
	const enough = 4000
	if len(text) <= 2*enough {
		return text
	}
	return text[:enough] + "\n[…]\n" + text[len(text)-enough:]
}
