// Command sink is a provider for tests: a secret manager as Vault is one for
// Terraform. Its resource sends a write-only value to the server at SINK_URL
// when the version beside it changes, and keeps nothing but the version; its
// ephemeral resource reads the value back.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

type sink struct{}

func (sink) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "sink"
}

func (sink) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (sink) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (sink) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return value{} }}
}

func (sink) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (sink) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return back{} }}
}

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return sink{} },
		providerserver.ServeOpts{Address: "registry.terraform.io/agentcreds/sink", ProtocolVersion: 6})
	if err != nil {
		log.Fatal(err)
	}
}

// entry is what the server of the sink holds under a name.
type entry struct {
	Value   string `json:"secretValue"`
	Version int64  `json:"version"`
}

var caller = &http.Client{Timeout: 10 * time.Second}

// call asks the server once; a sink that repeats by itself would hide what goes
// wrong. found is false when there is nothing under the name.
func call(ctx context.Context, method, name string, in *entry) (out entry, found bool, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, false, err
	}
	req, err := http.NewRequestWithContext(ctx, method, os.Getenv("SINK_URL")+"/sink/"+name, bytes.NewReader(body))
	if err != nil {
		return out, false, err
	}
	resp, err := caller.Do(req)
	if err != nil {
		return out, false, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return out, false, err
	case resp.StatusCode == http.StatusNotFound:
		return out, false, nil
	case resp.StatusCode != http.StatusOK:
		return out, false, fmt.Errorf("%s %s: the sink answers %d", method, name, resp.StatusCode)
	}
	return out, true, json.Unmarshal(data, &out)
}
