package journey_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// usage is what the provider processes of a run took.
type usage struct {
	cpu    time.Duration
	memory int64 // the most that one of them had, in bytes
}

// measured is a run and what it took.
type measured struct {
	result
	provider usage
}

// measure runs a verb, which has to succeed, and watches the provider.
func (w *workspace) measure(verb string) measured {
	w.t.Helper()
	p := w.begin(verb)
	var wg sync.WaitGroup
	var m measured
	wg.Go(func() { m.provider = watchUsage(p, tools(w.t).provider) })
	m.result = p.wait()
	wg.Wait()
	if m.code != 0 {
		w.t.Fatalf("%s", m.result)
	}
	return m
}

// watchUsage samples until the program ends: what a process took in its last
// moments is not seen.
func watchUsage(p *process, program string) usage {
	cpu, memory := map[int]time.Duration{}, int64(0)
	for !p.over() {
		for _, pid := range children(p.pid(), program) {
			cpu[pid] = max(cpu[pid], cpuTime(pid))
			memory = max(memory, peakRSS(pid))
		}
		time.Sleep(10 * time.Millisecond)
	}
	u := usage{memory: memory}
	for _, t := range cpu {
		u.cpu += t
	}
	return u
}

// tick is the unit of times in /proc, on every Linux that Go knows.
const tick = 10 * time.Millisecond

// cpuTime is what a process has used; 0 when it is gone.
func cpuTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// peakRSS is the most memory that a process had, in bytes; 0 when it is gone.
func peakRSS(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

func TestJourney_usage(t *testing.T) {
	burn := time.Now().Add(100 * time.Millisecond)
	for time.Now().Before(burn) {
		continue
	}
	if cpu, memory := cpuTime(os.Getpid()), peakRSS(os.Getpid()); cpu < tick || memory < 1<<20 {
		t.Errorf("this test took %s and %d bytes", cpu, memory)
	}
}
