package provider

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*tokenEphemeral)(nil)
	_ ephemeral.EphemeralResourceWithClose     = (*tokenEphemeral)(nil)
)

// tokenEphemeral is an access token of an agent that lives for one run.
type tokenEphemeral struct{ base }

func newTokenEphemeral() ephemeral.EphemeralResource { return &tokenEphemeral{} }

type tokenModel struct {
	AgentID     types.String      `tfsdk:"agent_id"`
	Secret      types.String      `tfsdk:"secret"`
	PrivateKey  types.String      `tfsdk:"private_key"`
	KeyAlg      types.String      `tfsdk:"private_key_alg"`
	Certificate types.String      `tfsdk:"client_certificate"`
	ClientKey   types.String      `tfsdk:"client_key"`
	Version     types.Int64       `tfsdk:"version"` // only for when it is unknown: then nothing is opened
	Scopes      types.Set         `tfsdk:"scopes"`
	Audience    types.String      `tfsdk:"audience"`
	AccessToken types.String      `tfsdk:"access_token"`
	TokenType   types.String      `tfsdk:"token_type"`
	ExpiresAt   timetypes.RFC3339 `tfsdk:"expires_at"`
	Scope       types.String      `tfsdk:"scope"`
}

func (e *tokenEphemeral) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_token"
}

func (e *tokenEphemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	e.configure(req.ProviderData, &resp.Diagnostics)
}

func (e *tokenEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	words := []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A short-lived access token of an agent, for whatever the same run does in its name: it is in no state and in no plan. " +
			"Terraform gets one when it plans and one when it applies, as soon as the arguments are known, and the provider revokes each when the run has no more use for it. " +
			"Where that fails, or the run is killed, the token ends by itself in minutes. Needs Terraform 1.10 and a server (`serve`): the embedded one gives no tokens.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Id of the agent."},
			"secret": schema.StringAttribute{Optional: true, Sensitive: true, Validators: []validator.String{
				stringvalidator.LengthAtLeast(1), stringvalidator.ExactlyOneOf(path.MatchRoot("secret"), path.MatchRoot("private_key"), path.MatchRoot("client_certificate"))},
				MarkdownDescription: "The agent's own secret, as `agentcreds_agent_secret.NAME.secret`. The token is asked for and revoked with it, and it is kept nowhere. " +
					"Exactly one of it, `private_key` and `client_certificate` is needed."},
			"private_key": schema.StringAttribute{Optional: true, Sensitive: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "The agent's own private key, whose public half it has as `agentcreds_agent_key`, to sign in by (`private_key_jwt`): PEM, not encrypted, or `file:NAME` with a file that has it and that its owner alone can read. It is sent nowhere."},
			"private_key_alg": schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.OneOf(keys.Algorithms...), stringvalidator.AlsoRequires(path.MatchRoot("private_key"))},
				MarkdownDescription: "Algorithm that the key is registered for. Default: `RS256` with RSA, else that of the key."},
			"client_certificate": schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("client_key"))},
				MarkdownDescription: "The agent's own certificate, with those above it behind it, to connect with (`tls_client_auth`, `self_signed_tls_client_auth`): PEM, or a file with them. The token is bound to it: it counts only where the same certificate is shown."},
			"client_key": schema.StringAttribute{Optional: true, Sensitive: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("client_certificate"))},
				MarkdownDescription: "Private key of `client_certificate`, in the forms of `private_key`."},
			"version": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "`version` of the `agentcreds_agent_key` or `agentcreds_agent_certificate` that belongs to `private_key` or `client_key`: not known while that is rotated, " +
					"so the token is asked for after the rotation. Without it, a plan that brings another key asks with a key that the server does not have yet, and fails. `secret` needs none."},
			"scopes": schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: words,
				MarkdownDescription: "Scopes to ask for. The token gets those of them that the agent has. Default: none."},
			"audience": schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Who the token is for: one of the agent's `audiences`. Default: the server itself."},
			"access_token": schema.StringAttribute{Computed: true, Sensitive: true,
				MarkdownDescription: "The token. It can go where ephemeral values can: provider blocks, write-only arguments, provisioners."},
			"token_type": schema.StringAttribute{Computed: true, MarkdownDescription: "How to present it: `Bearer`."},
			"expires_at": schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{},
				MarkdownDescription: "When it ends at the latest, by the server's clock. Null where the server does not tell."},
			"scope": schema.StringAttribute{Computed: true, MarkdownDescription: "The scopes that it has, with blanks between; empty for none."},
		},
	}
}

// tokenKey is where private data has the key to what Close revokes. Token and
// secret themselves stay in this process, which Terraform keeps until all that
// was opened is closed.
const tokenKey = "token"

// minted is a token and how to take it back.
type minted struct {
	login client.AgentLogin
	token secret.Text
}

// Open gets a token. It runs at plan and at apply.
func (e *tokenEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m tokenModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() || !e.ready(&resp.Diagnostics) {
		return
	}
	if e.server.embedded {
		resp.Diagnostics.AddError("The embedded server gives no tokens",
			"Agents sign in at a server that others can reach, which the file "+e.server.place+" is not. Run `terraform-provider-agentcreds serve --database "+e.server.place+
				"`, and set `endpoint` to its URL: agents and secrets stay the same.")
		return
	}
	login := client.AgentLogin{
		AgentID: m.AgentID.ValueString(), Secret: secret.New(m.Secret.ValueString()),
		Scopes: wordsOf(m.Scopes),
	}
	if audience := m.Audience.ValueString(); audience != "" {
		login.Audiences = []string{audience}
	}
	if m.Secret.IsNull() {
		var err error
		given := client.ProofText{
			PrivateKey: secret.New(m.PrivateKey.ValueString()), Alg: m.KeyAlg.ValueString(),
			Certificate: m.Certificate.ValueString(), Key: secret.New(m.ClientKey.ValueString()),
		}
		if login.Proof, err = given.Read(time.Now()); err != nil {
			resp.Diagnostics.AddError("Cannot get a token for the agent", sentence(err))
			return
		}
	}
	token, err := e.client().AgentToken(ctx, login)
	if err != nil {
		resp.Diagnostics.AddError("Cannot get a token for the agent", e.whyNoToken(err))
		return
	}
	key, err := json.Marshal(uuid.NewString())
	if err != nil {
		resp.Diagnostics.AddError("Cannot write the private state", err.Error())
		return
	}
	e.server.minted.Store(string(key), minted{login, token.Value})
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, tokenKey, key)...)
	m.AccessToken = types.StringValue(token.Value.Reveal())
	m.TokenType, m.Scope = types.StringValue(token.Type), types.StringValue(token.Scope)
	m.ExpiresAt = timetypes.NewRFC3339Null()
	if !token.Expires.IsZero() {
		m.ExpiresAt = seconds(token.Expires.Unix())
	}
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

// whyNoToken says what to do about the agent's login. The sign-in of the
// provider, which explain speaks of, has no part in it.
func (e *tokenEphemeral) whyNoToken(err error) string {
	refusal, ok := errors.AsType[*api.Error](err)
	if !ok {
		return e.explain(err)
	}
	switch {
	case refusal.Code == "invalid_target":
		return sentence(err) + " Add the audience to audiences of agentcreds_agent, or ask for another."
	case refusal.Code == "invalid_scope":
		return sentence(err) + " Ask for fewer scopes."
	case errors.Is(err, api.ErrUnauthorized):
		return sentence(err) + " The server says no more about it; its audit does. Check that agent_id and secret (private_key, client_certificate) belong together, that it was not revoked and has not expired, " +
			"and that the agent is not blocked. An agent of Asgardeo cannot sign in this way."
	case errors.Is(err, api.ErrRateLimited):
		return sentence(err) + " Somebody tried wrong secrets of this agent, or of others from here. Apply again later."
	}
	return e.explain(err)
}

// Close revokes the token. It never fails: the run has done what it was for, and
// the token ends by itself.
func (e *tokenEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	key, diags := req.Private.GetKey(ctx, tokenKey)
	if resp.Diagnostics.Append(diags...); e.server == nil || len(key) == 0 {
		return
	}
	kept, ok := e.server.minted.LoadAndDelete(string(key))
	if !ok {
		return
	}
	if m, ok := kept.(minted); ok {
		if err := e.client().RevokeAgentToken(ctx, m.login, m.token); err != nil {
			tflog.Warn(masked(ctx), "a token was not revoked; it ends by itself", map[string]any{"agent": m.login.AgentID, "error": err.Error()})
		}
	}
}
