package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// served is the provider as its binary serves it.
func served() (tfprotov6.ProviderServer, error) { return provider.NewServer("test")(), nil }

// factories serve the provider to real Terraform, in this process.
var factories = map[string]func() (tfprotov6.ProviderServer, error){
	provider.TypeName: served,
}

// journey runs steps under real Terraform. After each one the test library
// plans twice more, with and without a refresh, and wants both plans empty. In
// the end it destroys.
func journey(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
}

// journeyFrom is for what older versions of Terraform do not know.
func journeyFrom(t *testing.T, from tfversion.TerraformVersionCheck, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, TerraformVersionChecks: []tfversion.TerraformVersionCheck{from}, Steps: steps})
}

// watched is a resource as the steps of a journey leave it: the last state is
// at the end.
type watched struct {
	t       *testing.T
	address string
	states  []attrs
}

func watch(t *testing.T, address string) *watched { return &watched{t: t, address: address} }

// CheckState keeps the state of a step.
func (w *watched) CheckState(_ context.Context, req statecheck.CheckStateRequest, resp *statecheck.CheckStateResponse) {
	if req.State == nil || req.State.Values == nil || req.State.Values.RootModule == nil {
		resp.Error = fmt.Errorf("there is no state")
		return
	}
	for _, r := range req.State.Values.RootModule.Resources {
		if r.Address == w.address {
			w.states = append(w.states, fromJSON(r.AttributeValues))
			return
		}
	}
	resp.Error = fmt.Errorf("%s is not in the state", w.address)
}

// fromJSON makes attrs of what Terraform shows.
func fromJSON(values map[string]any) attrs {
	out := attrs{}
	for name, v := range values {
		switch v := v.(type) {
		case map[string]any:
			out[name] = fromJSON(v)
		case json.Number:
			out[name], _ = v.Int64()
		default:
			out[name] = v
		}
	}
	return out
}

func (w *watched) last() attrs   { return w.states[len(w.states)-1] }
func (w *watched) before() attrs { return w.states[len(w.states)-2] }

// managed is the last state for the checks of rotations.
func (w *watched) managed() *managed { return &managed{t: w.t, instance: instance{state: w.last()}} }

// after is a check of a step that asks whoever it likes.
type after func()

// CheckState runs the check.
func (f after) CheckState(context.Context, statecheck.CheckStateRequest, *statecheck.CheckStateResponse) {
	f()
}

// states are the checks of a step.
func states(checks ...statecheck.StateCheck) []statecheck.StateCheck { return checks }

// does checks what the plan of a step is going to do.
func does(address string, action plancheck.ResourceActionType, more ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: append(more, plancheck.ExpectResourceAction(address, action))}
}

// leaves checks that the plan of a step is empty.
func leaves() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

// planOf checks one resource of a plan: exactly these attributes are unknown,
// exactly these change beside them, and all others stay as they were.
type planOf struct {
	address            string
	unknowns, changing []string
}

// CheckPlan implements plancheck.PlanCheck.
func (p planOf) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, rc := range req.Plan.ResourceChanges {
		if rc.Address != p.address {
			continue
		}
		before, _ := rc.Change.Before.(map[string]any)
		after, _ := rc.Change.After.(map[string]any)
		late, _ := rc.Change.AfterUnknown.(map[string]any)
		var unknowns []string
		for name, v := range late {
			if isLate(v) {
				unknowns = append(unknowns, name)
			}
		}
		slices.Sort(unknowns)
		changing := slices.DeleteFunc(fromJSON(before).changes(fromJSON(after)), func(name string) bool { return slices.Contains(unknowns, name) })
		if !slices.Equal(unknowns, p.unknowns) || !slices.Equal(changing, sorted(p.changing)) {
			resp.Error = fmt.Errorf("%s: unknown: %v, want %v; changing: %v, want %v", p.address, unknowns, p.unknowns, changing, p.changing)
		}
		return
	}
	resp.Error = fmt.Errorf("%s is not in the plan", p.address)
}

func isLate(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		for _, e := range v {
			if isLate(e) {
				return true
			}
		}
	}
	return false
}

// seed makes an agent with a secret past Terraform.
func (p *place) seedPair(t *testing.T, a api.Agent) (agentID, secretID string) {
	t.Helper()
	h := p.hand(t)
	a = h.create(a)
	return a.ID, h.add(a.ID, api.SecretRequest{}).SecretID
}
