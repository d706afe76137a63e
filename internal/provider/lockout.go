package provider

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// The kinds of credentials, by the words for them.
const (
	aSecret      = "secret"
	aKey         = "key"
	aCertificate = "certificate"
)

// way is a live credential, and how an agent can authenticate by it.
type way struct {
	kind, id string
	methods  []string
}

// waysOf are those of an agent at a time by the server's clock.
func waysOf(a api.Agent, now time.Time) (ways []way) {
	ext := security(a)
	for _, s := range ext.Secrets {
		if s.Live() {
			ways = append(ways, way{aSecret, s.SecretID, []string{"client_secret_basic", "client_secret_post"}})
		}
	}
	for _, k := range ext.Keys {
		if k.Live() {
			ways = append(ways, way{aKey, k.KID, []string{"private_key_jwt"}})
		}
	}
	for _, c := range ext.Certificates {
		if !c.Live() || c.NotBefore > now.Unix() {
			continue
		}
		method := "self_signed_tls_client_auth"
		if c.Subject != nil || c.CAChainPEM != "" {
			method = "tls_client_auth"
		}
		ways = append(ways, way{aCertificate, c.ID, []string{method}})
	}
	return ways
}

// methodsOf are the methods that the ways make possible.
func methodsOf(ways []way) (methods []string) {
	for _, w := range ways {
		methods = append(methods, w.methods...)
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// open reports whether one of the methods is allowed; an empty list allows all.
func open(allowed, methods []string) bool {
	return slices.ContainsFunc(methods, func(m string) bool { return len(allowed) == 0 || slices.Contains(allowed, m) })
}

// noteLast remembers whether the agent, at a read, could authenticate by
// credentials of a kind with the ids and by nothing else.
func (f *facts) noteLast(a api.Agent, now time.Time, kind string, ids ...string) {
	allowed := security(a).AllowedAuthMethods
	var ours, others []way
	for _, w := range waysOf(a, now) {
		if w.kind == kind && slices.Contains(ids, w.id) {
			ours = append(ours, w)
		} else {
			others = append(others, w)
		}
	}
	f.Last = open(allowed, methodsOf(ours)) && !open(allowed, methodsOf(others))
}

// warnLast tells when a deletion takes the last way in. It is no error: the
// agent may go in the same breath, or be meant to stay out. Terraform 1.11 plans
// a removal before it reads, and a plan does not ask for agents: what was added
// by the run before may not be known yet.
func (f facts) warnLast(kind, agentID string, diags *diag.Diagnostics) {
	if f.Last {
		diags.AddWarning("The last credential of an agent goes", fmt.Sprintf(
			"When it was last read, agent %s could authenticate by its %s alone, and this plan ends that. Unless another credential was added since, the agent goes too, or shall stay out, add another first and apply that.", agentID, kind))
	}
}

// lockout refuses to forbid the ways of the credentials that the agent has,
// judged from its last read: what is added in the same apply may fail, or come
// after the change.
func (m *agentModel) lockout(state *agentModel, f facts, diags *diag.Diagnostics) {
	allowed := m.AllowedAuthMethods
	if allowed.IsUnknown() || allowed.Equal(state.AllowedAuthMethods) || m.PreventLockout.IsUnknown() || !m.PreventLockout.ValueBool() {
		return
	}
	methods := wordsOf(allowed)
	if open(methods, f.Methods) || !open(wordsOf(state.AllowedAuthMethods), f.Methods) {
		return
	}
	diags.AddAttributeError(path.Root("allowed_auth_methods"), "The agent would be locked out", fmt.Sprintf(
		"When it was last read, agent %s had live credentials for %s and none for %s: it could not authenticate any more. "+
			"Move in two applies: add the other credential first, keep %s in allowed_auth_methods, and apply that; then, when the agent uses it, take the old way out of allowed_auth_methods and apply again. "+
			"If it shall be locked out, set prevent_lockout = false.",
		state.ID.ValueString(), strings.Join(f.Methods, ", "), strings.Join(methods, ", "), strings.Join(f.Methods, ", ")))
}
