package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// refuseOnSingle tells, in a plan, what a server that keeps one secret cannot
// do. The server is asked only when something is set that needs it.
func (b *base) refuseOnSingle(ctx context.Context, needs map[string]bool, instead string, diags *diag.Diagnostics) {
	var set []string
	for name, is := range needs {
		if is {
			set = append(set, name)
		}
	}
	if len(set) == 0 || b.server == nil || b.server.embedded {
		return
	}
	srv, err := b.client().Server(ctx)
	if err != nil || srv.Extended() {
		return // whoever applies is told what is wrong
	}
	for _, name := range set {
		diags.AddAttributeError(path.Root(name), "The server cannot do this",
			name+" is set, but "+b.server.place+" is a plain WSO2 server. "+instead)
	}
}

// oneSecret is what refuseOnSingle says about the durations of secrets.
const oneSecret = "It keeps one secret for an agent, without an expiry, and a new secret ends the old one and every token at once. " +
	"Leave grace_period and expire_after out. For a rotation without downtime use agentcreds_agent_pair; for secrets that overlap and expire, `terraform-provider-agentcreds serve`."

// warnTaken tells in the plan of a create what first would refuse in the apply,
// as far as this run has read the agent anyway. It is a warning: in the apply of
// a replacement the secret that is there may have been ended before, and whether
// it is, which is a matter of create_before_destroy, no provider is told.
func (b *base) warnTaken(ctx context.Context, agentID, onExisting types.String, diags *diag.Diagnostics) {
	if b.server == nil || b.server.embedded || onExisting.ValueString() == onExistingReplace {
		return
	}
	a, read := b.client().Glance(agentID.ValueString())
	if !read || bornWith(a) || b.client().PasswordSetHere(a) {
		return
	}
	if srv, err := b.client().Server(ctx); err != nil || srv.Extended() {
		return
	}
	diags.AddWarning("Somebody may use the secret of the agent",
		fmt.Sprintf("Agent %s: its secret was set at %s, after the agent was created, and the server keeps one. A replacement without create_before_destroy ends it first, and goes on. Anything else is refused when it is applied. "+
			"To have the secret replaced in any case, set on_existing = %q; to manage it, import it.", a.ID, time.UnixMilli(a.PasswordTime()).UTC().Format(time.RFC3339), onExistingReplace))
}
