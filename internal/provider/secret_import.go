package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// ImportState takes the secret <agent_id>/<secret_id>; without the second part
// it is the agent's newest secret. It never rotates: what the configuration
// says first is the baseline.
func (r *secretResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	srv, a, secretID, ok := r.importing(ctx, req, "secret", "secret_id", &resp.Diagnostics)
	if !ok {
		return
	}
	s, problem := r.keeping(srv).choose(a, secretID)
	if problem != "" {
		resp.Diagnostics.AddError("Cannot import the agent secret", "Agent "+a.ID+": "+problem)
		return
	}
	for name, value := range map[string]string{
		"agent_id": a.ID, "secret_id": s.SecretID,
		"on_drift": driftRotate, "deletion_policy": deletionRevoke, "on_existing": onExistingError,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	setIdentity(ctx, resp.Identity, "agent_id", a.ID, &resp.Diagnostics)
	writeFacts(ctx, resp.Private, facts{Store: srv.StoreID, Imported: true}, &resp.Diagnostics)
	resp.Diagnostics.AddWarning("The secret's value is unknown",
		"Secret "+s.SecretID+" of agent "+a.ID+" is managed now, but no server tells the value of a secret: the attributes secret and sealed_secret are null until the first rotation.")
}

// choose finds the secret to import; problem says why there is none.
func (r *secretResource) choose(a api.Agent, id string) (s api.Secret, problem string) {
	for _, s := range security(a).Secrets {
		switch {
		case s.SecretID == id && s.Status != api.Active:
			return s, fmt.Sprintf("secret %s is %s; only an ACTIVE one can be imported.", id, s.Status)
		case s.SecretID == id, id == "" && s.Status == api.Active:
			return s, ""
		}
	}
	if id == "" {
		return s, "it has no ACTIVE secret. Declare agentcreds_agent_secret without an import: it makes one."
	}
	return s, fmt.Sprintf("it has no secret with the id %s.", id)
}
