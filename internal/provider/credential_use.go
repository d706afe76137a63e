package provider

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// inUse is how long after its last use a credential counts as used: most consumers
// sign in at least once a day.
const inUse = 24 * time.Hour

// noteUses remembers which of the credentials with the ids are in use at a read.
// What was used long ago is forgotten, so that private state does not change
// with every read.
func (f *facts) noteUses(secrets []api.Secret, now time.Time, ids ...string) {
	f.Used, f.Read = nil, time.Time{}
	for _, s := range secrets {
		last := time.UnixMilli(s.LastUsedAt).UTC().Truncate(time.Second)
		for _, id := range ids {
			if id != s.SecretID || !s.Live() || s.LastUsedAt == 0 || now.Sub(last) >= inUse {
				continue
			}
			if f.Used == nil {
				f.Used, f.Read = map[string]time.Time{}, now.UTC().Truncate(time.Second)
			}
			f.Used[id] = last
		}
	}
}

// usedLately tells when a credential was last used, if that was within a day before
// the last read. The plan asks no clock: one that is made again says the same.
func (f facts) usedLately(id string) (time.Time, bool) {
	last, ok := f.Used[id]
	return last, ok && f.Read.Sub(last) < inUse
}

// warnUse tells when an update ends a secret that is in use.
func warnUse(plan, state *secretModel, f facts, what decision, diags *diag.Diagnostics) {
	of, current, before := state.held(), state.SecretID.ValueString(), state.previousID()
	switch what {
	case rotateIt, askTheClock:
		if !plan.GracePeriod.IsUnknown() && plan.grace() <= 0 {
			f.warnUsed(of, current, "this plan revokes it as soon as the new one is made, because grace_period is 0s. Set a grace_period, and whoever uses it has the time to change over", diags)
		}
		if f.MakesRoom != "" && plan.grace() > 0 {
			f.warnUsed(of, f.MakesRoom, "this plan revokes it to make room for the new one. Wait until its grace ends, if whoever uses it has not changed over", diags)
		}
	case keepIt:
		if plan.movesGrace(state, f) && !plan.GracePeriod.IsUnknown() && plan.grace() < state.grace() {
			f.warnUsed(of, before, "this plan ends its grace earlier, because grace_period is shorter. Whoever uses it must have changed over by then", diags)
		}
	}
}

// warnDeletion tells when a deletion ends a secret that is in use. Whether a
// newer one has taken its place, as under create_before_destroy, is not known
// to a plan.
func warnDeletion(state *secretModel, f facts, diags *diag.Diagnostics) {
	if state.DeletionPolicy.ValueString() == deletionAbandon {
		return
	}
	for _, id := range []string{state.SecretID.ValueString(), state.previousID()} {
		f.warnUsed(state.held(), id, "this plan deletes the resource, which revokes it. Change rotation_trigger instead, if it shall be replaced without downtime", diags)
	}
	f.warnLast(aSecret, state.AgentID.ValueString(), diags)
}

// held is a credential that a resource has.
type held struct{ kind, attribute, agentID string }

func (m *secretModel) held() held { return held{aSecret, "secret_id", m.AgentID.ValueString()} }

// meet notes that this run has read a key or a certificate of a resource.
func (b *base) meet(of held, id string) { b.server.met.Store(of.agentID+"/"+id, true) }

// warnAgain tells when what a plan adds is that of a resource already, as after a
// taint: what the deletion has revoked is not taken again. With -replace Terraform
// shows no warning of this half of the plan.
func (b *base) warnAgain(of held, id string, diags *diag.Diagnostics) {
	if b.server == nil || id == "" {
		return
	}
	if _, ok := b.server.met.Load(of.agentID + "/" + id); ok {
		diags.AddWarning("What is added is there already", fmt.Sprintf(
			"Agent %s has the %s %s already, by a resource of the state. Where that one is tainted and this takes its place, its deletion revokes the %s, and no server takes it again: "+
				"the agent would be left without. Give another %s, or, if it is good, `terraform untaint` the resource.", of.agentID, of.kind, id, of.kind, of.kind))
	}
}

// warnUsed tells that a credential ends which is in use, and why.
func (f facts) warnUsed(of held, id, why string, diags *diag.Diagnostics) {
	last, ok := f.usedLately(id)
	if !ok {
		return
	}
	diags.AddAttributeWarning(path.Root(of.attribute), "A credential that is in use ends", fmt.Sprintf(
		"%s %s of agent %s was last used at %s, and %s.", strings.ToUpper(of.kind[:1])+of.kind[1:], id, of.agentID, last.Format(time.RFC3339), why))
}
