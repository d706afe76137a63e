package provider

import (
	"bytes"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// quick is a resource whose reads, whose configurations with nothing wrong, and
// whose plans with nothing to do need not take the way through the framework. Both ways call these same methods, and
// come to the same.
type quick[M any] interface {
	resource.Resource
	configure(data any, diags *diag.Diagnostics)
	check(m *M, diags *diag.Diagnostics) // all that ValidateConfig does
	find(ctx context.Context, m *M, f *facts, diags *diag.Diagnostics) finding
	refuse(ctx context.Context, plan *M, diags *diag.Diagnostics)
	foresee(plan, state *M, f facts, set func(string, attr.Value), diags *diag.Diagnostics)
}

// shortcut answers for a resource what Terraform asks of every object in every
// plan. nil says that it is for the framework to answer.
type shortcut interface {
	validate(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) *tfprotov6.ValidateResourceConfigResponse
	upgrade(req *tfprotov6.UpgradeResourceStateRequest) *tfprotov6.UpgradeResourceStateResponse
	read(ctx context.Context, s *server, req *tfprotov6.ReadResourceRequest) *tfprotov6.ReadResourceResponse
	plan(ctx context.Context, s *server, req *tfprotov6.PlanResourceChangeRequest) *tfprotov6.PlanResourceChangeResponse
}

type shortcutOf[M any] struct {
	codec[M]
	schema   schema.Schema
	identity tftypes.Object
	member   string // of the identity
	make     func() quick[M]
}

func newShortcut[M any](ctx context.Context, member string, newResource func() quick[M]) shortcut {
	var s resource.SchemaResponse
	newResource().Schema(ctx, resource.SchemaRequest{}, &s)
	return shortcutOf[M]{
		newCodec[M](ctx, s.Schema), s.Schema,
		tftypes.Object{AttributeTypes: map[string]tftypes.Type{member: tftypes.String}}, member, newResource,
	}
}

// upgrade hands a state of this version back as it came.
func (s shortcutOf[M]) upgrade(req *tfprotov6.UpgradeResourceStateRequest) *tfprotov6.UpgradeResourceStateResponse {
	if req.Version != s.schema.Version || req.RawState == nil || string(bytes.TrimSpace(req.RawState.JSON)) == "null" || !fits(req.RawState.JSON, s.object) {
		return nil
	}
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}
}

// read looks for the object at the server.
func (s shortcutOf[M]) read(ctx context.Context, srv *server, req *tfprotov6.ReadResourceRequest) *tfprotov6.ReadResourceResponse {
	before, ok := s.decode(ctx, req.CurrentState)
	f, plain := unpackFacts(req.Private)
	if !ok || !plain {
		return nil
	}
	identity, same := s.identify(&before, req.CurrentIdentity)
	if !same {
		return nil
	}
	r, m, diags := s.make(), before, diag.Diagnostics{}
	r.configure(srv, &diags)
	resp := &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, Private: req.Private, NewIdentity: identity}
	var err error
	switch r.find(ctx, &m, &f, &diags) {
	case absent:
		resp.NewState, err = nothing(s.object)
	case there:
		if !s.equal(&m, &before) {
			resp.NewState, err = s.encode(ctx, &m, &before)
		}
		if err == nil {
			resp.Private, err = packFacts(f)
		}
	}
	if err != nil {
		return nil
	}
	resp.Diagnostics = wireDiagnostics(diags)
	return resp
}

// plan finds that there is nothing to do: what is proposed is what there is, and
// the resource, asked as the framework would, has nothing to change and to say.
func (s shortcutOf[M]) plan(ctx context.Context, srv *server, req *tfprotov6.PlanResourceChangeRequest) *tfprotov6.PlanResourceChangeResponse {
	if req.PriorState == nil || req.ProposedNewState == nil || len(req.PriorState.MsgPack) == 0 || !bytes.Equal(req.PriorState.MsgPack, req.ProposedNewState.MsgPack) {
		return nil
	}
	m, ok := s.decode(ctx, req.PriorState)
	f, plain := unpackFacts(req.PriorPrivate)
	if !ok || !plain || !s.fallbacksHold(&m, req.Config) {
		return nil
	}
	identity := req.PriorIdentity
	if identity == nil {
		identity = &tfprotov6.ResourceIdentityData{}
		var err error
		if identity.IdentityData, err = nothing(s.identity); err != nil {
			return nil
		}
	}
	r, diags, changes := s.make(), diag.Diagnostics{}, false
	r.configure(srv, &diags)
	r.refuse(ctx, &m, &diags)
	r.foresee(&m, &m, f, func(string, attr.Value) { changes = true }, &diags)
	if changes || len(diags) > 0 {
		return nil
	}
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: req.PriorState, PlannedPrivate: req.PriorPrivate, PlannedIdentity: identity}
}

// identify is the identity of an object; same is false when it is known, and
// another.
func (s shortcutOf[M]) identify(m *M, known *tfprotov6.ResourceIdentityData) (identity *tfprotov6.ResourceIdentityData, same bool) {
	value, err := tfprotov6.NewDynamicValue(s.identity, tftypes.NewValue(s.identity, map[string]tftypes.Value{
		s.member: tftypes.NewValue(tftypes.String, s.text(m, s.member)),
	}))
	if err != nil || known != nil && (known.IdentityData == nil || !bytes.Equal(known.IdentityData.MsgPack, value.MsgPack)) {
		return nil, false
	}
	return &tfprotov6.ResourceIdentityData{IdentityData: &value}, true
}

// nothing is the object that is not there.
func nothing(typ tftypes.Type) (*tfprotov6.DynamicValue, error) {
	v, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, nil))
	return &v, err
}
