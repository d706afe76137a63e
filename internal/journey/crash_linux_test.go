package journey_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// crashConfig has two agents that are found again by their external id. A
// create whose answer was lost leaves an agent that the state does not know:
// on_existing says that it is ours.
const crashConfig = header + `
variable "trigger" {
  type    = string
  default = "1"
}

resource "agentcreds_agent" "bot" {
  count        = 2
  display_name = "Bot ${count.index}"
  external_id  = "crash/bot-${count.index}"
  on_existing  = "adopt"
}

resource "agentcreds_agent_secret" "bot" {
  count            = 2
  agent_id         = agentcreds_agent.bot[count.index].id
  rotation_trigger = { by = var.trigger }
  grace_period     = "1h"
}
`

const crashAgents = 2

// house is a product that the journeys of crashes and faults go to.
type house struct {
	name   string
	config string
	args   []string // of serve
	single bool     // an agent has one secret, and no external id
	// scenarios are those of its journey of faults, the first being create.
	scenarios []scenario
}

var reference = house{name: "reference", config: crashConfig, scenarios: faultScenarios}

// scenario is a command that is interrupted, and what it would come to.
type scenario struct {
	name    string
	verb    string
	args    []string
	fresh   bool // it starts from nothing, and not from what create left
	agents  int  // in the end
	secrets int  // that each agent has had in the end
	// of is what the agents have instead of secrets: keys or certificates.
	of *proven
	// had, when not nil, is what each of these agents has had instead; twice: one
	// more rotation, which a re-run may make, sets two secrets.
	had   []int
	twice bool
}

var scenarios = []scenario{
	{name: "create", verb: "apply", fresh: true, agents: crashAgents, secrets: 1},
	{name: "rotate", verb: "apply", args: []string{"-var", "trigger=2"}, agents: crashAgents, secrets: 2},
	{name: "replace", verb: "apply", agents: crashAgents, secrets: 2,
		args: []string{"-replace=agentcreds_agent_secret.bot[0]", "-replace=agentcreds_agent_secret.bot[1]"}},
	{name: "destroy", verb: "destroy"},
}

// again are the arguments of the repetition. No key takes its own place.
func (s scenario) again() []string {
	if s.of != nil {
		return s.planArgs()
	}
	return s.args
}

// planArgs are those of a plan that must be empty after the command.
func (s scenario) planArgs() []string {
	return slices.DeleteFunc(slices.Clone(s.args), func(a string) bool { return strings.HasPrefix(a, "-replace") })
}

// shot is a signal, and who gets it.
type shot struct {
	name string
	sig  syscall.Signal
	to   string // provider, sink, terraform, or both, as from a terminal
}

var shots = []shot{
	{"kill-provider", syscall.SIGKILL, "provider"},
	{"kill-terraform", syscall.SIGKILL, "terraform"},
	{"interrupt", syscall.SIGINT, "both"},
	{"interrupt-twice", syscall.SIGINT, "both"},
	{"terminate", syscall.SIGTERM, "terraform"},
	{"interrupt-provider", syscall.SIGINT, "provider"},
	{"terminate-provider", syscall.SIGTERM, "provider"},
}

// soft shots let Terraform end in its own time: nothing may be lost.
func (s shot) soft() bool { return s.sig != syscall.SIGKILL && s.to != "provider" && !s.twice() }

// hard shots end Terraform at once, in the middle of writing its state too.
func (s shot) hard() bool { return s.sig == syscall.SIGKILL && s.to == "terraform" || s.twice() }

// twice is somebody who cannot wait.
func (s shot) twice() bool { return s.name == "interrupt-twice" }

// fire shoots at a running Terraform, and reports whether the plugin is gone.
func (s shot) fire(t testing.TB, p *process) (gone bool) {
	program := tools(t).provider
	if s.to == "sink" {
		program = sinkTools(t).provider
	}
	plugins := children(p.pid(), program)
	switch s.to {
	case "provider", "sink":
		for _, pid := range plugins {
			_ = syscall.Kill(pid, s.sig)
		}
	case "both":
		p.signalAll(s.sig)
		if s.twice() {
			time.Sleep(pause)
			p.signalAll(s.sig)
		}
	default:
		p.signal(s.sig)
	}
	if s.to != "provider" && s.to != "sink" || s.sig == syscall.SIGINT {
		time.Sleep(pause)
		return false
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		// The CLI may have started another one meanwhile.
		alive := children(p.pid(), program)
		if !slices.ContainsFunc(plugins, func(pid int) bool { return slices.Contains(alive, pid) }) {
			return true
		}
	}
	t.Errorf("the %s outlives %v", s.to, s.sig)
	return true
}

// point is where a command is interrupted, and how.
type point struct {
	scenario scenario
	n        int
	stage    stage
	shot     shot
}

func (p point) name() string {
	return fmt.Sprintf("%s/%d-%s-%s", p.scenario.name, p.n, p.stage, p.shot.name)
}

// points are all there are, in an order that only the seed decides, such that
// any beginning has every scenario, stage and shot about equally often.
func points(scenarios []scenario, requests map[string]int) []point {
	var all []point
	for _, sc := range scenarios {
		for _, st := range stages {
			for _, sh := range shots {
				group := make([]point, requests[sc.name])
				for i := range group {
					group[i] = point{sc, i + 1, st, sh}
				}
				shuffle(group, func(p point) string { return p.name() })
				all = append(all, group...)
			}
		}
	}
	// The k-th of each group comes before the k+1-th of any.
	rank, order := map[string]int{}, map[string]string{}
	for _, p := range all {
		group := p.scenario.name + string(p.stage) + p.shot.name
		rank[group]++
		order[p.name()] = fmt.Sprintf("%03d %s", rank[group], drawn(p.name()))
	}
	slices.SortStableFunc(all, func(a, b point) int { return strings.Compare(order[a.name()], order[b.name()]) })
	return all
}

// drawn is a number in hexadecimals that only the seed and the name decide.
func drawn(name string) string {
	seed := os.Getenv("AGENTCREDS_TEST_SEED")
	sum := sha256.Sum256([]byte(seed + "\x00" + name))
	return hex.EncodeToString(sum[:8])
}

func shuffle[T any](list []T, name func(T) string) {
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(drawn(name(a)), drawn(name(b))) })
}

// crashPoints is how many are tried by default.
const crashPoints = 48

func TestJourney_crash(t *testing.T) { crashes(t, scenarios, crashPoints) }

// crashes interrupts scenarios, at so many points if nobody asks for others.
func crashes(t *testing.T, scenarios []scenario, few int) {
	t.Helper()
	tools(t)
	created, requests := rehearse(t, reference, scenarios)
	all := points(scenarios, requests)
	if len(all) < 100 {
		t.Errorf("there are only %d points", len(all))
	}
	if limit := os.Getenv("AGENTCREDS_TEST_CRASH_POINTS"); limit != "all" {
		all = all[:min(len(all), number(t, "AGENTCREDS_TEST_CRASH_POINTS", few))]
	}
	var tried, struck, extra atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d points, %d of them struck, %d extra rotations", tried.Load(), struck.Load(), extra.Load())
		if struck.Load() < tried.Load()*9/10 && !t.Failed() {
			t.Errorf("only %d of %d points were struck", struck.Load(), tried.Load())
		}
	})
	for _, pt := range all {
		t.Run(pt.name(), func(t *testing.T) {
			t.Parallel()
			tried.Add(1)
			c := &crash{point: pt, created: created}
			for range 5 {
				if again := c.run(t); !again {
					break
				}
			}
			if c.struck {
				struck.Add(1)
			}
			extra.Add(int64(c.extra))
		})
	}
}

// rehearse runs scenarios undisturbed, the first being create. It returns what create leaves, and
// how many requests each scenario makes.
func rehearse(t *testing.T, h house, scenarios []scenario) (created *workspace, requests map[string]int) {
	t.Helper()
	requests = map[string]int{}
	for _, sc := range scenarios {
		c := &crash{house: h, point: point{scenario: sc}, created: created}
		c.run(t)
		if t.Failed() {
			t.FailNow()
		}
		requests[sc.name] = c.requests
		if sc.fresh {
			created = c.w
		}
	}
	t.Logf("requests: %v", requests)
	return created, requests
}

// crash is one command, interrupted, and its repetition.
type crash struct {
	point
	created *workspace

	house    house // the zero one is reference
	w        *workspace
	s        *server
	judge    *server  // of the same store, and of the reference API: who looks at what is there
	known    []string // agents that the state had
	requests int      // of an undisturbed run
	struck   bool
	extra    int // rotations
}

// begin makes the workspace as the scenario finds it.
func (c *crash) begin(t *testing.T) {
	t.Helper()
	if c.house.name == "" {
		c.house = reference
	}
	c.w = newWorkspace(t, c.house.config)
	if c.scenario.of != nil {
		c.writeProven(t)
	}
	if c.scenario.fresh && c.house.single {
		c.makeRole(t)
	}
	if !c.scenario.fresh {
		c.w.copyFrom(c.created, "terraform.tfstate", database+"*", tfvars)
		c.known = c.w.state().agentIDs()
	}
}

// run reports whether the point must be tried again, since Terraform was killed
// while it wrote its state: what it leaves then is no state.
func (c *crash) run(t *testing.T) (again bool) {
	t.Helper()
	c.begin(t)
	c.serve(t)
	defer c.s.stop()
	px := newProxy(t, c.s.url)
	c.w.env = c.house.env(c.s, px.url)

	first := c.interrupt(t, px)
	hit := px.hit()
	c.struck = hit != nil
	if _, err := c.w.stateNow(); err != nil && c.shot.hard() {
		t.Logf("Terraform left a broken state (%v): once more", err)
		return true
	}
	if c.n == 0 {
		if first.code != 0 {
			t.Fatalf("undisturbed: %s", first)
		}
		c.requests = len(px.log())
	}
	if c.n != 0 && c.shot.soft() {
		c.nothingLost(t, first, hit)
	}
	px.restart(nil)
	if c.n != 0 {
		if r := c.w.run(c.scenario.verb, c.scenario.again()...); r.code != 0 {
			t.Fatalf("the re-run fails: %s\nafter %v: %s", r, hit, first)
		}
	}
	c.converged(t, first, hit)
	return false
}

// serve starts the product, and who judges what it does.
func (c *crash) serve(t *testing.T) {
	t.Helper()
	args := append([]string{"--trusted-proxy", "127.0.0.1/32"}, c.house.args...) // which shows certificates: it is us
	c.s = serve(t, c.w.path(database), args...)
	c.judge = c.s
	if c.house.single {
		c.judge = serve(t, c.w.path(database))
		t.Cleanup(c.judge.stop)
	}
}

// interrupt runs the command; at the point the shot is fired.
func (c *crash) interrupt(t *testing.T, px *proxy) result {
	t.Helper()
	started := make(chan struct{})
	var p *process
	if c.n != 0 {
		px.restart(&strike{n: c.n, stage: c.stage, do: sync.OnceValue(func() bool {
			<-started
			return c.shot.fire(t, p)
		})})
	}
	p = c.w.begin(c.scenario.verb, c.scenario.args...)
	close(started)
	return p.wait()
}

// nothingLost: Terraform was asked to stop and did so in its own time, so
// whatever the server did is in the state.
func (c *crash) nothingLost(t *testing.T, first result, hit *request) {
	t.Helper()
	st := c.w.state()
	ids, secrets := st.agentIDs(), c.held(st)
	for _, a := range c.s.agents() {
		if !slices.Contains(ids, a.ID) {
			t.Errorf("the server has agent %s, the state does not (%v): %s", a.ID, hit, first)
		}
		list := c.listed(a.ID)
		if len(list) == 0 || !list[0].live() {
			continue
		}
		if have := secrets[a.ID].id; have != list[0].SecretID {
			t.Errorf("agent %s has the new one %s, the state has %q (%v): %s", a.ID, list[0].SecretID, have, hit, first)
		}
	}
}

// converged: exactly the agents that are wanted, each with the one secret that
// the state has, and nothing more to do.
func (c *crash) converged(t *testing.T, first result, hit *request) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format+"\nafter %v in %s", append(args, hit, first)...)
	}
	st := c.w.state()
	agents, ids, secrets := c.judge.agents(), st.agentIDs(), c.held(st)
	if len(agents) != c.scenario.agents || len(ids) != c.scenario.agents || len(secrets) != c.scenario.agents {
		fail("%d agents at the server, %d agents and %d secrets in the state; want %d of each", len(agents), len(ids), len(secrets), c.scenario.agents)
	}
	if c.scenario.agents > 0 && len(c.known) > 0 && !slices.Equal(c.known, ids) {
		fail("the state had the agents %v, and has %v", c.known, ids)
	}
	for i, a := range agents {
		if want := "crash/bot-" + strconv.Itoa(i); a.key() != want || !slices.Contains(ids, a.ID) {
			fail("agent %s has the external id %q, want %q; the state has %v", a.ID, a.key(), want, ids)
		}
		want := c.scenario.secrets
		if c.scenario.had != nil {
			want = c.scenario.had[i]
		}
		c.oneSecret(a.ID, secrets[a.ID], want, fail)
	}
	if c.scenario.agents > 0 {
		c.w.t = t
		c.w.settled(c.scenario.planArgs()...)
	}
}

// oneSecret checks an agent's secrets, keys or certificates against the one in
// the state. Of the idle side of a pair nobody may know the secret.
func (c *crash) oneSecret(agentID string, have held, want int, fail func(string, ...any)) {
	list := c.listed(agentID)
	var active []string
	for _, s := range list {
		if s.Status == "ACTIVE" {
			active = append(active, c.house.secretID(s))
		}
	}
	nobodys := have.id == "" && have.value == "" && c.scenario.of == nil
	if !nobodys && !slices.Equal(active, []string{have.id}) || len(active) != 1 {
		fail("agent %s has %v active, the state has %s: %+v", agentID, active, have.id, list)
	}
	allowed := 1
	switch {
	case c.scenario.of != nil:
		allowed = 0 // the one that comes again is the same
		c.enters(have, fail)
	case !nobodys && !c.house.knows(c.judge, have):
		fail("the value in the state is not that of secret %s", have.id)
	}
	if c.scenario.twice {
		allowed = 2
	}
	extra := len(list) - want
	if extra < 0 || extra > allowed {
		fail("agent %s has had %d of them, want %d and at most %d more: %+v", agentID, len(list), want, allowed, list)
	}
	c.extra += extra
}
