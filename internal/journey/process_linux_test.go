package journey_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// dieWithUs ends the process when the tests end, however they do: they panic
// when their time is up.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// children are the processes that a process started and that run a program;
// "" for any.
func children(pid int, program string) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var out []int
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// The name of the program, in parentheses, may have anything in it.
		_, rest, _ := strings.Cut(string(data[strings.LastIndexByte(string(data), ')'):]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(pid) {
			continue
		}
		dir := filepath.Dir(name)
		if exe, err := os.Readlink(filepath.Join(dir, "exe")); program != "" && (err != nil || exe != program) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			out = append(out, child)
		}
	}
	return out
}

func TestJourney_children(t *testing.T) {
	if len(children(os.Getppid(), "")) == 0 {
		t.Error("the parent of this test has no children")
	}
	if got := children(os.Getpid(), "/no/such/program"); len(got) != 0 {
		t.Errorf("children of a program that is not there: %v", got)
	}
}
