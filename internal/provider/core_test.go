package provider_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// managed is one resource in the care of a Terraform of a few lines: it
// refreshes, plans, plans once more when it applies, and holds the provider to
// the promises that Terraform's core checks. Each phase is a plugin process of
// its own, as in life.
type managed struct {
	instance
	t       *testing.T
	place   *place
	name    string
	tainted bool
	cbd     bool // create_before_destroy
}

// action is what an apply did.
type action string

const (
	noAction action = "no-op"
	creates  action = "create"
	updates  action = "update"
	replaces action = "replace"
	deletes  action = "delete"
)

func (p *place) resource(t *testing.T, name string) *managed {
	t.Helper()
	return &managed{t: t, place: p, name: name}
}

// newAgent applies an agent.
func (p *place) newAgent(t *testing.T, config attrs) *managed {
	t.Helper()
	m := p.resource(t, agentType)
	m.apply(attrs{"display_name": "bot"}.with().merge(config))
	return m
}

// newSecret applies an agent and its secret.
func (p *place) newSecret(t *testing.T, config attrs) (agent, secret *managed) {
	t.Helper()
	agent = p.newAgent(t, nil)
	secret = p.resource(t, secretType)
	secret.apply(agent.owns(config))
	return agent, secret
}

// merge adds what another has.
func (a attrs) merge(other attrs) attrs {
	maps.Copy(a, other)
	return a
}

// owns is the configuration of a secret of the agent.
func (m *managed) owns(config attrs) attrs {
	return attrs{"agent_id": m.id()}.merge(config)
}

func (m *managed) id() string { return m.state.text("id") }

// refresh reads the resource; it tells the problems, and takes the state on
// when there is none.
func (m *managed) refresh() problems {
	m.t.Helper()
	if m.state == nil {
		return nil
	}
	return m.refreshBy(m.place.plugin(m.t))
}

func (m *managed) refreshBy(p *plugin) problems {
	m.t.Helper()
	out, d := p.read(m.name, m.instance)
	if len(d.errors()) > 0 {
		return d
	}
	if out.state == nil {
		m.instance = instance{}
		return d
	}
	m.knows(p, out)
	if got := out.state.unknowns(); len(got) > 0 {
		m.t.Fatalf("the read state has unknown values: %v", got)
	}
	m.instance = out
	return d
}

// knows checks that the identity is there and stays.
func (m *managed) knows(p *plugin, now instance) {
	m.t.Helper()
	before, after := p.identified(m.name, m.identity), p.identified(m.name, now.identity)
	if len(after) == 0 || len(after.unknowns()) > 0 || slices.ContainsFunc(values(after), func(v any) bool { return v == nil }) {
		m.t.Fatalf("the identity is %v", after)
	}
	if before != nil && !cmp.Equal(before, after) {
		m.t.Fatalf("the identity was %v and is %v", before, after)
	}
}

func values(a attrs) []any {
	var out []any
	for _, v := range a {
		out = append(out, v)
	}
	return out
}

// plan refreshes and plans.
func (m *managed) plan(config attrs) planned {
	m.t.Helper()
	p := m.place.plugin(m.t)
	if m.state != nil {
		p.mustPass("refresh", m.refreshBy(p))
	}
	out := m.planBy(p, config)
	p.mustPass("plan", out.problems)
	return out
}

func (m *managed) planBy(p *plugin, config attrs) planned {
	m.t.Helper()
	if config != nil {
		config = object(m.t, value(m.t, p.typeOf(m.name), config)) // members that are not named are null
		if d := p.validate(m.name, config); len(d.errors()) > 0 {
			return planned{problems: d}
		}
	}
	out := p.plan(m.name, m.prior(), config)
	m.valid(p, config, out)
	return out
}

// planTwice plans twice, and wants the same.
func (m *managed) planTwice(p *plugin, config attrs) planned {
	m.t.Helper()
	out, again := m.planBy(p, config), m.planBy(p, config)
	if !cmp.Equal(out.attrs, again.attrs) || !cmp.Equal(out.problems, again.problems) {
		m.t.Fatalf("the same plan twice differs: %v\n%v\n%v", cmp.Diff(out.attrs, again.attrs), out.problems, again.problems)
	}
	return out
}

// prior is what the plan starts from: of a tainted resource, nothing.
func (m *managed) prior() instance {
	if m.tainted {
		return instance{}
	}
	return m.instance
}

// valid is the check that Terraform makes of every plan: what the configuration
// says is planned, and what it does not say only where it is computed.
func (m *managed) valid(p *plugin, config attrs, plan planned) {
	m.t.Helper()
	if len(plan.problems.errors()) > 0 || config == nil {
		return
	}
	for _, a := range p.schema.ResourceSchemas[m.name].Block.Attributes {
		want, got := config[a.Name], plan.attrs[a.Name]
		if a.WriteOnly {
			m.writesNothing(a.Name, plan.attrs)
			continue
		}
		if want == nil && (a.Computed || got == nil) || holdsUnknown(want) || cmp.Equal(want, got) {
			continue
		}
		m.t.Fatalf("invalid plan: %s is %v in the configuration and %v in the plan", a.Name, want, got)
	}
}

// writesNothing checks that a write-only value is kept nowhere: with one in it
// Terraform throws a whole state away, and OpenTofu writes it down.
func (m *managed) writesNothing(name string, kept attrs) {
	m.t.Helper()
	if kept[name] != nil {
		m.t.Fatalf("the write-only %s is kept", name)
	}
}

// does says what an apply of the plan would do.
func (m *managed) does(plan planned) action {
	switch {
	case m.state == nil && plan.attrs == nil:
		return noAction
	case m.state == nil:
		return creates
	case plan.attrs == nil:
		return deletes
	case m.tainted || len(plan.replace) > 0:
		return replaces
	case cmp.Equal(m.state, plan.attrs):
		return noAction
	default:
		return updates
	}
}

// apply refreshes, plans and applies, and checks that this settled it. It tells
// what was done.
func (m *managed) apply(config attrs) action {
	m.t.Helper()
	what, d := m.try(config)
	if len(d.errors()) > 0 {
		m.t.Fatalf("apply: %v", d)
	}
	m.settled(config)
	return what
}

// settled checks after an apply that a refresh finds what the state says, and
// that the plan after that is empty.
func (m *managed) settled(config attrs) {
	m.t.Helper()
	if config == nil {
		return
	}
	after := m.state
	again := m.plan(config)
	if !cmp.Equal(after, m.state) {
		m.t.Fatalf("the refresh after the apply changes the state: %v", cmp.Diff(after, m.state))
	}
	if m.does(again) != noAction {
		m.t.Fatalf("the plan after the apply is to %s: %v", m.does(again), cmp.Diff(m.state, again.attrs))
	}
}

// try applies, and leaves a failure to the caller.
func (m *managed) try(config attrs) (action, problems) {
	m.t.Helper()
	p := m.place.plugin(m.t)
	if m.state != nil {
		if d := m.refreshBy(p); len(d.errors()) > 0 {
			return noAction, d
		}
	}
	plan := m.planBy(p, config)
	if len(plan.problems.errors()) > 0 {
		return noAction, plan.problems
	}
	return m.carryOut(config, plan)
}

// carryOut applies a plan that was made before, as from a file.
func (m *managed) carryOut(config attrs, plan planned) (action, problems) {
	m.t.Helper()
	what := m.does(plan)
	p := m.place.plugin(m.t)
	if what == noAction {
		return what, plan.problems
	}
	if what != replaces {
		return what, append(plan.problems, m.change(p, config, plan)...)
	}
	old := *m
	m.instance, m.tainted = instance{}, false
	create := m.planBy(p, config)
	p.mustPass("plan the new one", create.problems)
	if !m.cbd {
		destroy := planned{}
		if old.tainted { // the plan began without a prior state, and its private state is what Delete gets
			destroy.private = []byte{}
		}
		if d := old.change(p, nil, destroy); len(d.errors()) > 0 {
			m.instance = old.instance
			return what, d
		}
		return what, m.change(p, config, create)
	}
	d := m.change(p, config, create)
	if len(d.errors()) == 0 {
		d = append(d, old.change(p, nil, planned{private: old.private})...)
	}
	return what, d
}

// change makes one change, and holds its answer against the plan.
func (m *managed) change(p *plugin, config attrs, plan planned) problems {
	m.t.Helper()
	if config != nil {
		again := m.planBy(p, config)
		p.mustPass("plan again", again.problems)
		m.agrees("the plan when it is applied", plan.attrs, again.attrs)
		if cmp.Equal(m.state, again.attrs) {
			return nil // what was unknown came to the same
		}
		plan = again
	}
	if plan.private == nil {
		plan.private = m.private
	}
	out, d := p.applyPlan(m.name, m.instance, config, plan)
	failed := len(d.errors()) > 0
	if out.state == nil {
		if config != nil && !failed {
			m.t.Fatalf("there is no state after the apply")
		}
		if !failed {
			m.instance = instance{}
		}
		return d
	}
	for _, a := range p.schema.ResourceSchemas[m.name].Block.Attributes {
		if a.WriteOnly {
			m.writesNothing(a.Name, out.state)
		}
	}
	if !failed {
		m.agrees("the state after the apply", plan.attrs, out.state)
		if got := out.state.unknowns(); len(got) > 0 {
			m.t.Fatalf("the state has unknown values after the apply: %v", got)
		}
		m.knows(p, out)
	}
	m.tainted = failed && m.state == nil
	m.instance = out
	return d
}

// agrees checks that what was promised is kept: known values stay.
func (m *managed) agrees(what string, promised, now attrs) {
	m.t.Helper()
	for name, v := range promised {
		if !holdsUnknown(v) && !cmp.Equal(v, now[name]) {
			m.t.Fatalf("%s differs from what was planned: %s was %v and is %v", what, name, v, now[name])
		}
	}
}

// taint marks it for replacement, as `terraform taint` and -replace do.
func (m *managed) taint() { m.tainted = true }

// importBy imports, and reads what it got.
func (m *managed) importBy(id string) problems {
	m.t.Helper()
	p := m.place.plugin(m.t)
	out, d := p.importBy(m.name, id, nil)
	if len(d.errors()) > 0 {
		return d
	}
	m.instance = out
	return append(d, m.refreshBy(p)...)
}
