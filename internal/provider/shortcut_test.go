package provider_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// bothWays is the plugin server as it is served, and beside it the framework's own:
// where that is asked for, every answer is given in both ways and must be the
// same.
type bothWays struct {
	tfprotov6.ProviderServer

	t        *testing.T
	long     tfprotov6.ProviderServer
	compared bool
}

// quickly counts what was not left to the framework.
var quickly struct{ reads, plans, upgrades atomic.Int64 }

func newBothWays(t *testing.T) *bothWays {
	return &bothWays{provider.NewServer("test")(), t, providerserver.NewProtocol6(provider.New("test")())(), false}
}

func (b *bothWays) ConfigureProvider(ctx context.Context, req *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	if b.compared {
		if _, err := b.long.ConfigureProvider(ctx, req); err != nil {
			b.t.Error(err)
		}
	}
	return b.ProviderServer.ConfigureProvider(ctx, req)
}

func (b *bothWays) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	got, err := b.ProviderServer.PlanResourceChange(ctx, req)
	if err != nil || !b.compared {
		return got, err
	}
	if req.PriorState != nil && got.PlannedState == req.PriorState {
		quickly.plans.Add(1)
	}
	want, err := b.long.PlanResourceChange(ctx, req)
	if err != nil {
		b.t.Error(err)
		return got, nil
	}
	b.same("plan", req.TypeName,
		answer{got.PlannedState, got.PlannedPrivate, got.PlannedIdentity, got.Diagnostics, got.RequiresReplace},
		answer{want.PlannedState, want.PlannedPrivate, want.PlannedIdentity, want.Diagnostics, want.RequiresReplace})
	return got, nil
}

func (b *bothWays) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	got, err := b.ProviderServer.ReadResource(ctx, req)
	if err != nil || !b.compared {
		return got, err
	}
	if got.NewState == req.CurrentState {
		quickly.reads.Add(1)
	}
	want, err := b.long.ReadResource(ctx, req)
	if err != nil {
		b.t.Error(err)
		return got, nil
	}
	b.same("read", req.TypeName, answer{got.NewState, got.Private, got.NewIdentity, got.Diagnostics, nil},
		answer{want.NewState, want.Private, want.NewIdentity, want.Diagnostics, nil})
	return got, nil
}

func (b *bothWays) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	got, err := b.ProviderServer.UpgradeResourceState(ctx, req)
	if err != nil {
		return got, err
	}
	if got.UpgradedState != nil && len(got.UpgradedState.JSON) > 0 {
		quickly.upgrades.Add(1)
	}
	want, err := b.long.UpgradeResourceState(ctx, req)
	if err != nil {
		b.t.Error(err)
		return got, nil
	}
	b.same("upgrade", req.TypeName, answer{state: got.UpgradedState, problems: got.Diagnostics}, answer{state: want.UpgradedState, problems: want.Diagnostics})
	return got, nil
}

// answer is what both ways tell Terraform.
type answer struct {
	state    *tfprotov6.DynamicValue
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	problems problems
	replace  []*tftypes.AttributePath
}

func (b *bothWays) same(what, name string, got, want answer) {
	b.t.Helper()
	p := &plugin{t: b.t, server: b.long, schema: schemas()}
	if !bytes.Equal(got.private, want.private) {
		b.t.Errorf("%s of %s: private %s, and by the framework %s", what, name, got.private, want.private)
	}
	if got.problems.String() != want.problems.String() {
		b.t.Errorf("%s of %s: says %v, and by the framework %v", what, name, got.problems, want.problems)
	}
	if d := cmp.Diff(p.unpack(p.typeOf(name), want.state), p.unpack(p.typeOf(name), got.state)); d != "" {
		b.t.Errorf("%s of %s: differs from the framework's: %s", what, name, d)
	}
	if len(got.replace) != len(want.replace) {
		b.t.Errorf("%s of %s: replaces for %v, and by the framework for %v", what, name, got.replace, want.replace)
	}
	if len(want.problems.errors()) > 0 {
		return // Terraform looks at no identity then
	}
	if d := cmp.Diff(p.identified(name, want.identity), p.identified(name, got.identity)); d != "" {
		b.t.Errorf("%s of %s: another identity than the framework's: %s", what, name, d)
	}
}
