package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// finding is what became of an object that a read looked for.
type finding int

const (
	unread finding = iota // the diagnostics say why
	absent
	there
)

// seek reads the agent that is the object of a state, or that it belongs to.
func (b *base) seek(ctx context.Context, agentID, title string, diags *diag.Diagnostics) (api.Agent, finding) {
	a, err := b.client().ReadAgent(ctx, agentID)
	switch {
	case isGone(err):
		return a, absent
	case err != nil:
		diags.AddError(title, "Agent "+agentID+": "+b.explain(err))
		return a, unread
	case !isAgent(a, diags):
		return a, unread
	}
	return a, there
}

// agentOf reads the agent that the credential of a state belongs to. When it is
// gone the credential is, too. ok is false when there is nothing more to read.
func (b *base) agentOf(ctx context.Context, agentID, title string, resp *resource.ReadResponse) (a api.Agent, ok bool) {
	a, found := b.seek(ctx, agentID, title, &resp.Diagnostics)
	if found == absent {
		remove(ctx, "agent_id", agentID, resp)
	}
	return a, found == there
}

// remove takes an object out of the state. The framework insists on an identity,
// whatever became of the object.
func remove(ctx context.Context, member, value string, resp *resource.ReadResponse) {
	setIdentity(ctx, resp.Identity, member, value, &resp.Diagnostics)
	resp.State.RemoveResource(ctx)
}
