package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func (r *agentResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m agentModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	switch r.find(ctx, &m, &f, &resp.Diagnostics) {
	case absent:
		remove(ctx, "id", m.ID.ValueString(), resp)
	case there:
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
		setIdentity(ctx, resp.Identity, "id", m.ID.ValueString(), &resp.Diagnostics)
		writeFacts(ctx, resp.Private, f, &resp.Diagnostics)
	}
}

// find takes on what the server says of the agent.
func (r *agentResource) find(ctx context.Context, m *agentModel, f *facts, diags *diag.Diagnostics) finding {
	limit, d := m.Timeouts.Read(ctx, agentTimeout)
	if diags.Append(d...); d.HasError() {
		return unread
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	const title = "Cannot read the agent"
	srv, ok := r.inStore(ctx, *f, diags)
	if !ok {
		return unread
	}
	a, found := r.seek(ctx, m.ID.ValueString(), title, diags)
	if found != there {
		return found
	}
	if f.Imported && m.Attributes.IsNull() && len(a.Profile.Attributes) > 0 {
		m.Attributes = mapOf(a.Profile.Attributes)
	}
	m.fromAPI(a)
	if !srv.Extended() && f.hasBirthSecret(a) {
		warnBorn(a, diags)
	}
	ext := security(a)
	if f.OwnerToken == "" || f.Imported {
		f.OwnerToken = ext.OwnerToken
	}
	f.Store, f.Imported, f.Blocked = srv.StoreID, false, a.Blocked()
	if srv.Extended() {
		now, err := r.client().Now(ctx)
		if err != nil {
			diags.AddError(title, "Agent "+a.ID+": "+r.explain(err))
			return unread
		}
		f.Methods = methodsOf(waysOf(a, now))
	}
	return there
}

// hasBirthSecret reports whether nobody set the secret of the agent since it was
// created.
func (f facts) hasBirthSecret(a api.Agent) bool {
	if f.Birth != 0 {
		return a.PasswordTime() == f.Birth
	}
	return a.PasswordTime() != 0 && bornWith(a)
}

// warnBorn tells of a secret that is live, and that no resource manages: a
// server without our extension makes one with every agent.
func warnBorn(a api.Agent, diags *diag.Diagnostics) {
	diags.AddWarning("The agent has the secret that it was created with", fmt.Sprintf(
		"The server made a secret for agent %s (%q) when it was created, and nobody has set another since. It works, and nobody knows it but whoever created the agent. Declare an agentcreds_agent_secret for the agent (one that was imported sets another with its first rotation), or block it with enabled = false.", a.ID, a.Profile.DisplayName))
}
