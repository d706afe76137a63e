package provider

import (
	"context"
	"fmt"
	"regexp"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// base is what every resource and data source has: the way to the server.
type base struct{ server *server }

func (b *base) configure(data any, diags *diag.Diagnostics) {
	if data == nil {
		return // validate, or the configuration of the provider is not known yet
	}
	s, ok := data.(*server)
	if !ok {
		diags.AddError("Cannot configure", fmt.Sprintf("The provider handed on a %T. This is a bug of the provider: please report it.", data))
		return
	}
	b.server = s
}

// ready reports whether there is a server to ask, and says why not.
func (b *base) ready(diags *diag.Diagnostics) bool {
	if b.server == nil {
		diags.AddError("The provider is not configured yet",
			"An argument of the provider block is known only after apply, so nothing can be read now. Apply what it depends on first, with -target, or give it a value that is known.")
	}
	return b.server != nil
}

func (b *base) client() *client.Client { return b.server.client }

// inStore checks that the server works on the store that the object lives in,
// before any answer counts: a lost or swapped store must never look like
// deleted objects. It returns what the server is.
func (b *base) inStore(ctx context.Context, f facts, diags *diag.Diagnostics) (client.Server, bool) {
	srv, err := b.client().Server(ctx)
	if err != nil {
		diags.AddError("Cannot ask the server what it is", b.explain(err))
		return srv, false
	}
	if f.Store == "" || f.Store == srv.StoreID || b.server.acceptNewStore {
		return srv, true
	}
	problem := "has the store " + srv.StoreID
	if srv.StoreID == "" {
		problem = "has no store"
		if b.server.embedded {
			problem = "does not exist"
		}
	}
	diags.AddError("The store is not the one that the state knows", fmt.Sprintf(
		"This object lives in the store %s, but %s %s. Nothing was changed. Bring the right database back (or correct embedded_path or endpoint). "+
			"If the store was replaced on purpose, set accept_new_store = true (AGENTCREDS_ACCEPT_NEW_STORE=true) for one run: what is not in the new one will be created again.",
		f.Store, b.server.place, problem))
	return srv, false
}

// storeNow is the store that the server works on after a write: the first
// write of all makes it. When it cannot be told the next read fills it in.
func (b *base) storeNow(ctx context.Context) string {
	srv, err := b.client().Server(ctx)
	if err != nil {
		tflog.Warn(ctx, "the id of the store is not known yet", map[string]any{"error": err.Error()})
	}
	return srv.StoreID
}

type resourceBase struct{ base }

func (r *resourceBase) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.configure(req.ProviderData, &resp.Diagnostics)
}

type dataBase struct{ base }

func (d *dataBase) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.configure(req.ProviderData, &resp.Diagnostics)
}

// secretPatterns are masked in every log line, whoever writes it.
var secretPatterns = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`agc[sa]_[0-9A-Za-z]{8,}`),
		regexp.MustCompile(`(?i)(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`),
		regexp.MustCompile(`(?i)AGE-(SECRET-KEY|PLUGIN)-[0-9A-Z-]{8,}`),
		regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----`),
	}
})

// masked gives a context whose log lines cannot show a secret.
func masked(ctx context.Context) context.Context {
	ctx = tflog.MaskFieldValuesWithFieldKeys(ctx, "secret", "password", "client_secret", "access_token", "authorization", "private_key", "secret_wo", "seal_identity")
	ctx = tflog.MaskAllFieldValuesRegexes(ctx, secretPatterns()...)
	return tflog.MaskMessageRegexes(ctx, secretPatterns()...)
}

// logger writes the client's lines to Terraform's log, below debug.
type logger struct{}

func (logger) Debug(ctx context.Context, msg string, fields map[string]any) {
	tflog.Debug(masked(ctx), msg, fields)
}

func (logger) Info(ctx context.Context, msg string, fields map[string]any) {
	tflog.Info(masked(ctx), msg, fields)
}

// isAgent refuses what is not an agent: on a WSO2 server an id may be a human's.
func isAgent(a api.Agent, diags *diag.Diagnostics) bool {
	if !a.IsAgent() {
		diags.AddError("Not an agent", fmt.Sprintf(
			"The id %s belongs to %q, whose user name does not start with %q: it may be a person. Nothing was changed. Use the id of an agent.", a.ID, a.UserName, api.UserNamePrefix))
	}
	return a.IsAgent()
}
