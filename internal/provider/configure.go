package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
)

// Environment variables, each the default of one argument.
const (
	envEndpoint     = "AGENTCREDS_ENDPOINT"
	envPath         = "AGENTCREDS_EMBEDDED_PATH"
	envCA           = "AGENTCREDS_CA_CERTIFICATE"
	envInsecure     = "AGENTCREDS_INSECURE_SKIP_VERIFY"
	envRate         = "AGENTCREDS_REQUESTS_PER_MINUTE"
	envTimeout      = "AGENTCREDS_REQUEST_TIMEOUT"
	envOrganization = "AGENTCREDS_ORGANIZATION_ID"
	envNewStore     = "AGENTCREDS_ACCEPT_NEW_STORE"
	envIdentity     = "AGENTCREDS_SEAL_IDENTITY"
)

const (
	defaultPath = "agentcreds.db"
	minTimeout  = time.Second
	maxTimeout  = 10 * time.Minute
)

func envText(name string) string { return "Environment: `" + name + "`." }

type providerModel struct {
	Endpoint           types.String `tfsdk:"endpoint"`
	EmbeddedPath       types.String `tfsdk:"embedded_path"`
	OrganizationID     types.String `tfsdk:"organization_id"`
	ClientID           types.String `tfsdk:"client_id"`
	ClientSecret       types.String `tfsdk:"client_secret"`
	PrivateKey         types.String `tfsdk:"private_key"`
	PrivateKeyAlg      types.String `tfsdk:"private_key_alg"`
	ClientCertificate  types.String `tfsdk:"client_certificate"`
	ClientKey          types.String `tfsdk:"client_key"`
	AccessToken        types.String `tfsdk:"access_token"`
	Username           types.String `tfsdk:"username"`
	Password           types.String `tfsdk:"password"`
	CACertificate      types.String `tfsdk:"ca_certificate"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	RequestsPerMinute  types.Int64  `tfsdk:"requests_per_minute"`
	RequestTimeout     types.String `tfsdk:"request_timeout"`
	AcceptNewStore     types.Bool   `tfsdk:"accept_new_store"`
	SealIdentity       types.String `tfsdk:"seal_identity"`
}

// server is what resources get from Configure: the client, and how to speak of
// the place that it talks to.
type server struct {
	client         *client.Client
	place          string // file or URL, for messages
	embedded       bool
	acceptNewStore bool
	identity       *sealIdentity
	met            sync.Map    // keys and certificates that this run has read, as agent/id
	short          atomic.Bool // the server refused a secret of 256 bits, and took a shorter one
	minted         sync.Map    // by the key that is in private data: what Close revokes
}

// Configure makes no request and creates no file: a binary is started several
// times in one run, mostly for nothing.
func (p *agentcreds) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var m providerModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if !m.known() {
		// Creates can be planned; whatever needs the server says why it
		// cannot have it.
		return
	}
	s := m.settings(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	srv, err := s.open(p.version)
	if err != nil {
		p.blame(ctx, err, &resp.Diagnostics)
		return
	}
	srv.identity = m.identity()
	p.server.Store(srv)
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData = srv, srv, srv
}

// blame points at the argument that an error begins with, so that Terraform
// shows its line.
func (p *agentcreds) blame(ctx context.Context, err error, diags *diag.Diagnostics) {
	const title = "Cannot configure the provider"
	var known provider.SchemaResponse
	p.Schema(ctx, provider.SchemaRequest{}, &known)
	name, _, _ := strings.Cut(err.Error(), " ")
	if _, ok := known.Schema.Attributes[name]; ok {
		diags.AddAttributeError(path.Root(name), title, sentence(err))
		return
	}
	diags.AddError(title, sentence(err))
}

// known reports whether the server can be spoken to. What opens envelopes has no
// part in that.
func (m providerModel) known() bool {
	return !m.Endpoint.IsUnknown() && !m.OrganizationID.IsUnknown() && !m.EmbeddedPath.IsUnknown() && !m.ClientID.IsUnknown() && !m.ClientSecret.IsUnknown() &&
		!m.PrivateKey.IsUnknown() && !m.PrivateKeyAlg.IsUnknown() && !m.ClientCertificate.IsUnknown() && !m.ClientKey.IsUnknown() &&
		!m.AccessToken.IsUnknown() && !m.Username.IsUnknown() && !m.Password.IsUnknown() && !m.CACertificate.IsUnknown() &&
		!m.InsecureSkipVerify.IsUnknown() && !m.RequestsPerMinute.IsUnknown() && !m.RequestTimeout.IsUnknown() && !m.AcceptNewStore.IsUnknown()
}

// settings are the arguments with the environment behind them.
type settings struct {
	signIn
	endpoint, path string
	organization   string
	ca             string
	insecure       bool
	rate           int
	timeout        time.Duration
	acceptNewStore bool
}

func (m providerModel) settings(diags *diag.Diagnostics) settings {
	s := settings{
		endpoint: m.Endpoint.ValueString(), path: text(m.EmbeddedPath, envPath), organization: text(m.OrganizationID, envOrganization),
		signIn: m.signIn(), ca: text(m.CACertificate, envCA),
	}
	// A path in the configuration is a choice of the embedded server, which
	// the environment does not overrule.
	if env, set := os.LookupEnv(envEndpoint); set && m.Endpoint.IsNull() && m.EmbeddedPath.IsNull() {
		if s.endpoint = env; env == "" {
			diags.AddAttributeError(path.Root("endpoint"), "Empty endpoint",
				envEndpoint+" is set and empty. Unset it to work with the embedded server, or give it the URL of a server.")
		}
	}
	if s.path == "" {
		s.path = defaultPath
	}
	s.insecure = flag(m.InsecureSkipVerify, envInsecure, "insecure_skip_verify", diags)
	s.acceptNewStore = flag(m.AcceptNewStore, envNewStore, "accept_new_store", diags)
	if n := m.RequestsPerMinute.ValueInt64(); n > 0 {
		s.rate = int(n)
	} else if env := os.Getenv(envRate); env != "" {
		n, err := strconv.Atoi(env)
		if s.rate = n; err != nil || n < 1 {
			diags.AddAttributeError(path.Root("requests_per_minute"), "Invalid number", envRate+" must be a whole number of at least 1, not "+strconv.Quote(env)+".")
		}
	}
	if d := text(m.RequestTimeout, envTimeout); d != "" {
		var problem string
		if s.timeout, problem = parseDuration(d, minTimeout, maxTimeout); problem != "" {
			diags.AddAttributeError(path.Root("request_timeout"), "Invalid duration", problem)
		}
	}
	s.check(s.endpoint, diags)
	m.nowhere(s.endpoint, diags)
	return s
}

func (s settings) open(version string) (*server, error) {
	if s.endpoint == "" {
		c, err := embedded.New(embedded.Config{Path: s.path, Version: version, Logger: logger{}})
		if err != nil {
			return nil, fmt.Errorf("prepare the embedded server: %w", err)
		}
		return &server{client: c, place: s.path, embedded: true, acceptNewStore: s.acceptNewStore}, nil
	}
	trust, err := s.trust()
	if err != nil {
		return nil, err
	}
	auth, err := s.auth()
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{
		BaseURL: s.endpoint, Auth: auth, TLS: trust, UserAgent: "terraform-provider-agentcreds/" + version,
		Organization: s.organization, RequestsPerMinute: s.rate, Timeout: s.timeout, Logger: logger{},
	})
	if err != nil {
		return nil, err
	}
	return &server{client: c, place: s.endpoint, acceptNewStore: s.acceptNewStore}, nil
}

func (s settings) trust() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.insecure} //nolint:gosec // asked for by name
	if s.ca == "" {
		return cfg, nil
	}
	pem := []byte(s.ca)
	if !strings.Contains(s.ca, "-----BEGIN") {
		var err error
		if pem, err = os.ReadFile(s.ca); err != nil {
			return nil, fmt.Errorf("ca_certificate is neither PEM text nor a file that can be read: %w", err)
		}
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_certificate has no certificate in PEM form")
	}
	return cfg, nil
}

func text(v types.String, env string) string {
	if !v.IsNull() {
		return v.ValueString()
	}
	return os.Getenv(env)
}

func flag(v types.Bool, env, name string, diags *diag.Diagnostics) bool {
	value := os.Getenv(env)
	if !v.IsNull() || value == "" {
		return v.ValueBool()
	}
	b, err := strconv.ParseBool(value)
	if err != nil {
		diags.AddAttributeError(path.Root(name), "Invalid boolean", env+" must be true or false, not "+strconv.Quote(value)+".")
	}
	return b
}
