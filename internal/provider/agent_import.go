package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// externalPrefix starts an import id that is an external id.
const externalPrefix = "external_id:"

// ImportState takes an agent by its id, its identity, or external_id:<…>.
func (r *agentResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	id := importID(ctx, req, "id", &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	a, ok := r.lookUp(ctx, id, &resp.Diagnostics)
	if !ok {
		return
	}
	for name, value := range map[string]any{
		"id":              a.ID,
		"prevent_lockout": true,
		"on_existing":     onExistingError,
		"deletion_policy": deletionDelete,
		// Where the server does not say, it is the usual case.
		"is_user_serving_agent": userServing(a),
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	setIdentity(ctx, resp.Identity, "id", a.ID, &resp.Diagnostics)
	writeFacts(ctx, resp.Private, facts{Imported: true}, &resp.Diagnostics)
}

// lookUp finds an agent by its id or by external_id:<…>, and makes sure that
// it is one.
func (b *base) lookUp(ctx context.Context, id string, diags *diag.Diagnostics) (api.Agent, bool) {
	var a api.Agent
	var found bool
	var err error
	if key, external := strings.CutPrefix(id, externalPrefix); external {
		a, found, err = b.client().AgentByExternalID(ctx, key)
	} else {
		a, err = b.client().ReadAgent(ctx, id)
		found = err == nil
	}
	if isGone(err) || (err == nil && !found) {
		diags.AddError("No such agent", "There is no agent with the id "+id+" at "+b.server.place+".")
		return a, false
	}
	if err != nil {
		diags.AddError("Cannot read the agent", "Agent "+id+": "+b.explain(err))
		return a, false
	}
	return a, isAgent(a, diags)
}

// importID is what the user imports by: the id, or the member of the identity.
func importID(ctx context.Context, req resource.ImportStateRequest, member string, diags *diag.Diagnostics) string {
	id := req.ID
	if id == "" && req.Identity != nil {
		diags.Append(req.Identity.GetAttribute(ctx, path.Root(member), &id)...)
	}
	if strings.TrimSpace(id) == "" && !diags.HasError() {
		diags.AddError("Nothing to import", "The import id is empty.")
	}
	return id
}

// setIdentity tells Terraform (1.12 and later) what the object is.
func setIdentity(ctx context.Context, to *tfsdk.ResourceIdentity, member, value string, diags *diag.Diagnostics) {
	if to != nil {
		diags.Append(to.SetAttribute(ctx, path.Root(member), value)...)
	}
}
