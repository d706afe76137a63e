package provider_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-log/tfsdklogtest"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// Types of resources.
const (
	agentType  = "agentcreds_agent"
	secretType = "agentcreds_agent_secret"
)

// plugin is one provider process, spoken to as Terraform does.
type plugin struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	schema *tfprotov6.GetProviderSchemaResponse
	logs   io.Writer // takes everything at trace; nil: nothing is logged
}

// ctx is the context of a call.
func (p *plugin) ctx() context.Context {
	if p.logs == nil {
		return p.t.Context()
	}
	return tfsdklogtest.RootLogger(tflogtest.RootLogger(p.t.Context(), p.logs), p.logs)
}

// instance is a resource as the state file has it. Its zero value is none.
type instance struct {
	state    attrs // nil: none
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

// start starts a provider without configuring it.
func start(t *testing.T) *plugin {
	t.Helper()
	return &plugin{t: t, server: newBothWays(t), schema: schemas()}
}

// schemas are what the provider offers. They never change, so they are asked
// for once.
var schemas = sync.OnceValue(func() *tfprotov6.GetProviderSchemaResponse {
	resp, err := providerserver.NewProtocol6(provider.New("test")())().GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		panic(err)
	}
	return resp
})

// plugin starts a provider that works at the place, as every command of
// Terraform does.
func (p *place) plugin(t *testing.T) *plugin {
	t.Helper()
	if p.shared != nil {
		return p.shared
	}
	server := newBothWays(t)
	server.compared = p.compared
	out := &plugin{t: t, server: server, schema: schemas(), logs: p.logs}
	out.mustPass("configure", out.configure(p.args))
	return out
}

func (p *plugin) answered(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("the provider did not answer: %v", err)
	}
}

// problems are diagnostics.
type problems []*tfprotov6.Diagnostic

func (d problems) of(severity tfprotov6.DiagnosticSeverity) problems {
	var out problems
	for _, one := range d {
		if one.Severity == severity {
			out = append(out, one)
		}
	}
	return out
}

func (d problems) errors() problems   { return d.of(tfprotov6.DiagnosticSeverityError) }
func (d problems) warnings() problems { return d.of(tfprotov6.DiagnosticSeverityWarning) }

func (d problems) String() string {
	var b strings.Builder
	for _, one := range d {
		b.WriteString(one.Severity.String() + ": " + one.Summary + ": " + one.Detail)
		if one.Attribute != nil {
			b.WriteString(" [" + one.Attribute.String() + "]")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// mustPass ends the test at an error diagnostic.
func (p *plugin) mustPass(what string, d problems) {
	p.t.Helper()
	if len(d.errors()) > 0 {
		p.t.Fatalf("%s: %v", what, d)
	}
}

// mustSay ends the test unless there is an error diagnostic, and all of the
// words are in it.
func mustSay(t *testing.T, what string, d problems, all ...string) {
	t.Helper()
	if len(d.errors()) == 0 {
		t.Fatalf("%s succeeded; want an error with %q", what, all)
	}
	saysAll(t, what, d.errors(), all...)
}

// saysAll checks that all of the words are in the diagnostics.
func saysAll(t *testing.T, what string, d problems, all ...string) {
	t.Helper()
	for _, word := range all {
		if !strings.Contains(d.String(), word) {
			t.Errorf("%s said nothing of %q:\n%v", what, word, d)
		}
	}
}

func (p *plugin) providerType() tftypes.Type { return p.schema.Provider.ValueType() }

func (p *plugin) typeOf(name string) tftypes.Type {
	p.t.Helper()
	s, ok := p.schema.ResourceSchemas[name]
	if !ok {
		p.t.Fatalf("there is no resource type %s", name)
	}
	return s.ValueType()
}

func (p *plugin) pack(ty tftypes.Type, v any) *tfprotov6.DynamicValue {
	p.t.Helper()
	if a, ok := v.(attrs); ok && a == nil {
		v = nil
	}
	out, err := tfprotov6.NewDynamicValue(ty, value(p.t, ty, v))
	p.answered(err)
	return &out
}

func (p *plugin) unpack(ty tftypes.Type, v *tfprotov6.DynamicValue) attrs {
	p.t.Helper()
	if v == nil {
		return nil
	}
	out, err := v.Unmarshal(ty)
	p.answered(err)
	return object(p.t, out)
}

// configure validates and configures.
func (p *plugin) configure(args attrs) problems {
	p.t.Helper()
	config := p.pack(p.providerType(), args.with())
	valid, err := p.server.ValidateProviderConfig(p.ctx(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
	p.answered(err)
	if len(problems(valid.Diagnostics).errors()) > 0 {
		return valid.Diagnostics
	}
	resp, err := p.server.ConfigureProvider(p.ctx(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.11.4", Config: config})
	p.answered(err)
	return append(valid.Diagnostics, resp.Diagnostics...)
}

// validate checks a configuration, which needs no configured provider.
func (p *plugin) validate(name string, config attrs) problems {
	p.t.Helper()
	resp, err := p.server.ValidateResourceConfig(p.ctx(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: name, Config: p.pack(p.typeOf(name), config),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true}, // as Terraform 1.11
	})
	p.answered(err)
	return resp.Diagnostics
}

// read refreshes; a state of nil says that the resource is gone.
func (p *plugin) read(name string, in instance) (instance, problems) {
	p.t.Helper()
	resp, err := p.server.ReadResource(p.ctx(), &tfprotov6.ReadResourceRequest{
		TypeName: name, CurrentState: p.pack(p.typeOf(name), in.state), Private: in.private, CurrentIdentity: in.identity,
	})
	p.answered(err)
	return instance{p.unpack(p.typeOf(name), resp.NewState), resp.Private, resp.NewIdentity}, resp.Diagnostics
}

// planned is the answer to a plan.
type planned struct {
	attrs    // nil: destroy
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	replace  []string
	problems problems
}

// plan plans from the state to the configuration; a configuration of nil plans
// to destroy.
func (p *plugin) plan(name string, prior instance, config attrs) planned {
	p.t.Helper()
	ty := p.typeOf(name)
	resp, err := p.server.PlanResourceChange(p.ctx(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: name, PriorState: p.pack(ty, prior.state), PriorPrivate: prior.private, PriorIdentity: prior.identity,
		Config: p.pack(ty, config), ProposedNewState: p.pack(ty, p.proposed(name, prior.state, config)),
	})
	p.answered(err)
	out := planned{p.unpack(ty, resp.PlannedState), resp.PlannedPrivate, resp.PlannedIdentity, nil, resp.Diagnostics}
	for _, path := range resp.RequiresReplace {
		out.replace = append(out.replace, path.String())
	}
	return out
}

// proposed is what Terraform proposes: the configuration, and the prior values
// of what the provider computes and the configuration does not set.
func (p *plugin) proposed(name string, prior, config attrs) attrs {
	if config == nil {
		return nil
	}
	out := config.with()
	for _, a := range p.schema.ResourceSchemas[name].Block.Attributes {
		if a.Computed && out[a.Name] == nil {
			out[a.Name] = prior[a.Name]
		}
	}
	return out
}

// applyPlan carries a plan out.
func (p *plugin) applyPlan(name string, prior instance, config attrs, plan planned) (instance, problems) {
	p.t.Helper()
	ty := p.typeOf(name)
	resp, err := p.server.ApplyResourceChange(p.ctx(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: name, PriorState: p.pack(ty, prior.state), Config: p.pack(ty, config),
		PlannedState: p.pack(ty, plan.attrs), PlannedPrivate: plan.private, PlannedIdentity: plan.identity,
	})
	p.answered(err)
	return instance{p.unpack(ty, resp.NewState), resp.Private, resp.NewIdentity}, resp.Diagnostics
}

// importBy imports by an id, or by an identity when there is one.
func (p *plugin) importBy(name, id string, identity attrs) (instance, problems) {
	p.t.Helper()
	req := &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: id}
	if identity != nil {
		req.Identity = &tfprotov6.ResourceIdentityData{IdentityData: p.pack(p.identityType(name), identity)}
	}
	resp, err := p.server.ImportResourceState(p.ctx(), req)
	p.answered(err)
	if len(resp.ImportedResources) == 0 {
		return instance{}, resp.Diagnostics
	}
	one := resp.ImportedResources[0]
	return instance{p.unpack(p.typeOf(name), one.State), one.Private, one.Identity}, resp.Diagnostics
}

func (p *plugin) identityType(name string) tftypes.Type {
	p.t.Helper()
	resp, err := p.server.GetResourceIdentitySchemas(p.ctx(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	p.answered(err)
	return resp.IdentitySchemas[name].ValueType()
}

// identified reads an identity.
func (p *plugin) identified(name string, identity *tfprotov6.ResourceIdentityData) attrs {
	p.t.Helper()
	if identity == nil {
		return nil
	}
	return p.unpack(p.identityType(name), identity.IdentityData)
}

// data reads a data source.
func (p *plugin) data(name string, config attrs) (attrs, problems) {
	p.t.Helper()
	ty := p.schema.DataSourceSchemas[name].ValueType()
	valid, err := p.server.ValidateDataResourceConfig(p.ctx(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: name, Config: p.pack(ty, config)})
	p.answered(err)
	if len(problems(valid.Diagnostics).errors()) > 0 {
		return nil, valid.Diagnostics
	}
	resp, err := p.server.ReadDataSource(p.ctx(), &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: p.pack(ty, config)})
	p.answered(err)
	return p.unpack(ty, resp.State), resp.Diagnostics
}
