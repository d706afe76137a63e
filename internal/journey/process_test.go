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
	took           time.Duration // once it has ended
	ended          chan struct{} // closed when the leader has ended
	buried         chan struct{} // closed when nothing of the group is left

	mu sync.Mutex // held while the group is signalled, or given up
	up bool       // the number of the group is ours
}

// begin starts a program. It does not outlive the test, nor do its children.
func begin(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{}), buried: make(chan struct{}), began: time.Now(), up: true}
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
		p.bury()
		running.Delete(p)
		close(p.buried)
	}()
	hung := time.AfterFunc(maxRun, p.killAll)
	t.Cleanup(func() {
		hung.Stop()
		p.killAll()
		<-p.buried
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

// signalAll reaches the whole group, as Ctrl-C in a terminal does; nobody once
// the group is gone.
func (p *process) signalAll(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up {
		_ = syscall.Kill(-p.pid(), sig)
	}
}

func (p *process) killAll() { p.signalAll(syscall.SIGKILL) }

// patience is how long a provider may take to end its call when its Terraform
// was killed; by itself it would never end.
const patience = 300 * time.Millisecond

// bury waits until nothing of the group runs any more, and kills what does
// then. The number of an empty group may become another program's, so nobody is
// signalled after that.
func (p *process) bury() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up = false
	began := time.Now()
	// Where nobody buries orphans, as in some containers, they stay.
	for ; time.Since(began) < 10*patience; time.Sleep(2 * time.Millisecond) {
		sig := syscall.Signal(0)
		if time.Since(began) > patience {
			sig = syscall.SIGKILL
		}
		if err := syscall.Kill(-p.pid(), sig); errors.Is(err, syscall.ESRCH) {
			return
		}
	}
}

// over reports whether it has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// wait waits until nothing of it is left.
func (p *process) wait() result {
	<-p.buried
	return result{
		args: strings.Join(p.cmd.Args[1:], " "), code: p.cmd.ProcessState.ExitCode(),
		stdout: p.stdout.String(), stderr: p.stderr.String(), took: p.took, state: p.cmd.ProcessState,
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
