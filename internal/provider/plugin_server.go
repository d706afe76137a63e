package provider

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// pluginServer is the framework's, but for what Terraform asks of every object
// in every plan, which it answers itself where it can. The framework only borrows
// the contexts of calls that there are many of: see lent.
type pluginServer struct {
	tfprotov6.ProviderServer

	provider  *agentcreds
	shortcuts func() map[string]shortcut // by the type of the resource, made when the first is needed
}

// NewServer gives the constructor of a plugin server that costs a fraction of
// the framework's own in a plan with nothing to do, and answers the same. The
// framework's, around New, logs every step.
func NewServer(version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		p := &agentcreds{version: version}
		return &pluginServer{providerserver.NewProtocol6(p)(), p, sync.OnceValue(shortcuts)}
	}
}

func shortcuts() map[string]shortcut {
	ctx := context.Background()
	return map[string]shortcut{
		TypeName + "_agent":        newShortcut(ctx, "id", func() quick[agentModel] { return &agentResource{} }),
		TypeName + "_agent_secret": newShortcut(ctx, "agent_id", func() quick[secretModel] { return &secretResource{} }),
	}
}

// ValidateResourceConfig implements tfprotov6.ResourceServer.
func (p *pluginServer) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if s, ok := p.shortcuts()[req.TypeName]; ok {
		if resp := s.validate(ctx, req); resp != nil {
			return resp, nil
		}
	}
	borrowed, giveBack := lend(ctx)
	defer giveBack()
	return p.ProviderServer.ValidateResourceConfig(borrowed, req)
}

// UpgradeResourceState implements tfprotov6.ResourceServer.
func (p *pluginServer) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if s, ok := p.shortcuts()[req.TypeName]; ok {
		if resp := s.upgrade(req); resp != nil {
			return resp, nil
		}
	}
	borrowed, giveBack := lend(ctx)
	defer giveBack()
	return p.ProviderServer.UpgradeResourceState(borrowed, req)
}

// ReadResource implements tfprotov6.ResourceServer.
func (p *pluginServer) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	srv := p.provider.server.Load()
	if s, ok := p.shortcuts()[req.TypeName]; ok && srv != nil {
		if resp := s.read(ctx, srv, req); resp != nil {
			return resp, nil
		}
	}
	borrowed, giveBack := lend(ctx)
	defer giveBack()
	return p.ProviderServer.ReadResource(borrowed, req)
}

// PlanResourceChange implements tfprotov6.ResourceServer.
func (p *pluginServer) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	srv := p.provider.server.Load()
	if s, ok := p.shortcuts()[req.TypeName]; ok && srv != nil {
		if resp := s.plan(ctx, srv, req); resp != nil {
			return resp, nil
		}
	}
	borrowed, giveBack := lend(ctx)
	defer giveBack()
	return p.ProviderServer.PlanResourceChange(borrowed, req)
}

// ApplyResourceChange implements tfprotov6.ResourceServer.
func (p *pluginServer) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	borrowed, giveBack := lend(ctx)
	defer giveBack()
	return p.ProviderServer.ApplyResourceChange(borrowed, req)
}

// ReadDataSource implements tfprotov6.DataSourceServer.
func (p *pluginServer) ReadDataSource(ctx context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	borrowed, giveBack := lend(ctx)
	defer giveBack()
	return p.ProviderServer.ReadDataSource(borrowed, req)
}

// wireDiagnostics are diagnostics as Terraform takes them.
func wireDiagnostics(diags diag.Diagnostics) (out []*tfprotov6.Diagnostic) {
	for _, d := range diags {
		one := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: d.Summary(), Detail: d.Detail()}
		if d.Severity() == diag.SeverityWarning {
			one.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			one.Attribute = wirePath(at.Path())
		}
		out = append(out, one)
	}
	return out
}

// wirePath is a path of attributes: there are no others in what a read says.
func wirePath(p path.Path) *tftypes.AttributePath {
	out := tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		if name, ok := step.(path.PathStepAttributeName); ok {
			out = out.WithAttributeName(string(name))
		}
	}
	return out
}
