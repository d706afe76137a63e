package provider_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Every file below examples/ is what somebody will copy, so every one is
// applied: real Terraform, an empty plan after it, and destroyed. Nothing in
// the files is made for the tests but three ids, which stand for what is there
// before an import.
const (
	examplesDir     = "../../examples"
	exampleAgentID  = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
	exampleSecretID = "5d2f9f4e-1c55-4a2b-8f6e-7a3f0f6f3b21"
	exampleSerial   = "4a1f0c9be27d35168f42d0937c6be51a08d3f7c2"
	exampleSecret   = "agentcreds_agent_secret.support"
)

// TestAccExamples walks examples/. A file that no test knows how to apply fails.
func TestAccExamples(t *testing.T) {
	t.Parallel()
	modules := map[string][]string{}
	err := filepath.WalkDir(examplesDir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(examplesDir, file)
		switch rel = filepath.ToSlash(rel); {
		case rel == "demo", rel == "serve":
			return fs.SkipDir // make demo applies the one, a test of internal/cli runs the other
		case d.IsDir():
		case strings.HasPrefix(rel, "guides/"):
			modules[path.Dir(rel)] = append(modules[path.Dir(rel)], rel) // a module is a directory
		default:
			modules[rel] = []string{rel} // tfplugindocs shows each file for itself
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range modules {
		test := exampleTest(name, files)
		if test == nil {
			t.Errorf("%s: no test knows how to apply it", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(readExample(t, files), t)
		})
	}
}

// exampleTest picks what applies an example; nil when nothing does.
func exampleTest(name string, files []string) func(*example, *testing.T) {
	if len(files) == 0 || slices.ContainsFunc(files, func(f string) bool { return path.Ext(f) != ".tf" && path.Ext(f) != ".sh" }) {
		return nil
	}
	for _, known := range []struct {
		pattern string
		test    func(*example, *testing.T)
	}{
		{`^provider/provider[^/]*\.tf$`, (*example).applied},
		{`^resources/agentcreds_agent_role/resource\.tf$`, (*example).onAsgardeo},
		{`^resources/[^/]+/resource[^/]*\.tf$`, (*example).applied},
		{`^resources/[^/]+/import-by-string-id\.tf$`, (*example).imported},
		{`^resources/[^/]+/import-by-identity\.tf$`, (*example).importedByIdentity},
		{`^resources/[^/]+/import\.sh$`, (*example).importedByCommand},
		{`^data-sources/[^/]+/data-source[^/]*\.tf$`, (*example).read},
		{`^ephemeral-resources/agentcreds_agent_token/ephemeral-resource\.tf$`, (*example).opened},
		{`^ephemeral-resources/agentcreds_agent_secret/ephemeral-resource\.tf$`, (*example).openedSealed},
		{`^ephemeral-resources/agentcreds_random_secret/ephemeral-resource\.tf$`, (*example).storedFirst},
		{`^functions/[^/]+/function[^/]*\.tf$`, (*example).applied},
		{`^guides/secret-managers/[^/]+-sealed$`, (*example).openedSealed},
		{`^guides/secret-managers/[^/]+-store-first$`, (*example).storedFirst},
		{`^guides/secret-managers/[^/]+$`, (*example).passedOn},
		{`^guides/rotation-trigger$`, (*example).rotated},
		{`^guides/emergency$`, exampleReplaced(plancheck.ResourceActionReplace)},
		{`^guides/rotation-create-before-destroy$`, exampleReplaced(plancheck.ResourceActionCreateBeforeDestroy)},
		{`^guides/import-many$`, (*example).importedMany},
		{`^guides/server$`, (*example).servedRemotely},
		{`^guides/asgardeo$`, (*example).onAsgardeo},
		{`^guides/import-console$`, (*example).fromConsole},
		{`^guides/[^/]+$`, (*example).applied},
	} {
		if regexp.MustCompile(known.pattern).MatchString(name) {
			return known.test
		}
	}
	return nil
}

// TestExamplesAreThere checks that whatever the provider offers has one.
func TestExamplesAreThere(t *testing.T) {
	p := provider.New("test")()
	need := func(folder, name, file string) {
		if _, err := os.Stat(filepath.Join(examplesDir, folder, name, file)); err != nil {
			t.Errorf("%s has no example: %v", name, err)
		}
	}
	for _, r := range p.Resources(t.Context()) {
		var meta fwresource.MetadataResponse
		r().Metadata(t.Context(), fwresource.MetadataRequest{ProviderTypeName: provider.TypeName}, &meta)
		for _, file := range []string{"resource.tf", "import.sh", "import-by-string-id.tf", "import-by-identity.tf"} {
			need("resources", meta.TypeName, file)
		}
	}
	for _, d := range p.DataSources(t.Context()) {
		var meta datasource.MetadataResponse
		d().Metadata(t.Context(), datasource.MetadataRequest{ProviderTypeName: provider.TypeName}, &meta)
		need("data-sources", meta.TypeName, "data-source.tf")
	}
	ephemerals, ok := p.(fwprovider.ProviderWithEphemeralResources)
	if !ok {
		t.Fatal("the provider has no ephemeral resources")
	}
	for _, e := range ephemerals.EphemeralResources(t.Context()) {
		var meta ephemeral.MetadataResponse
		e().Metadata(t.Context(), ephemeral.MetadataRequest{ProviderTypeName: provider.TypeName}, &meta)
		need("ephemeral-resources", meta.TypeName, "ephemeral-resource.tf")
	}
	functions, ok := p.(fwprovider.ProviderWithFunctions)
	if !ok {
		t.Fatal("the provider has no functions")
	}
	for _, f := range functions.Functions(t.Context()) {
		var meta function.MetadataResponse
		f().Metadata(t.Context(), function.MetadataRequest{}, &meta)
		need("functions", meta.Name, "function.tf")
	}
}

// example is a module or a shell script of examples/.
type example struct {
	source string
	place  *place
	ids    *strings.Replacer // of an import: what stands in the files, what is there
	sinks  []string          // addresses of what stands in for another provider's resources
}

func readExample(t *testing.T, files []string) *example {
	t.Helper()
	var source bytes.Buffer
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(examplesDir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
		source.WriteByte('\n')
	}
	return &example{source: source.String(), place: newEmbedded(t)}
}

// run applies steps one after the other, expects an empty plan after each, and
// destroys what there is.
func (e *example) run(t *testing.T, from tfversion.TerraformVersionCheck, steps ...resource.TestStep) {
	t.Helper()
	if strings.Contains(e.source, "for_each") {
		// The test library cannot read a state with for_each in it, as it
		// does before it destroys: so nothing is left to destroy.
		steps = append(steps, resource.TestStep{Config: e.config(t, "resource", "data", "import", "output")})
	}
	test := resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			provider.TypeName: served,
		},
		Steps: steps,
	}
	if from != nil {
		test.TerraformVersionChecks = []tfversion.TerraformVersionCheck{from}
	}
	resource.UnitTest(t, test)
}

func (e *example) applied(t *testing.T) {
	e.run(t, nil, resource.TestStep{Config: e.config(t)})
}

// read applies an example over an agent with a secret.
func (e *example) read(t *testing.T) {
	e.seed(t, "support/assistant", "Support assistant")
	e.applied(t)
}

// rotated applies, and changes the trigger in the file, as a pull request
// would.
func (e *example) rotated(t *testing.T) {
	first := e.config(t)
	e.run(t, nil, resource.TestStep{Config: first}, resource.TestStep{
		Config:           e.nextQuarter(t, first),
		ConfigPlanChecks: before(plancheck.ExpectResourceAction(exampleSecret, plancheck.ResourceActionUpdate)),
	})
}

// exampleReplaced applies, taints the secret and applies again, which is what -replace
// does.
func exampleReplaced(how plancheck.ResourceActionType) func(*example, *testing.T) {
	return func(e *example, t *testing.T) {
		config := e.config(t)
		e.run(t, nil, resource.TestStep{Config: config}, resource.TestStep{
			Config: config, Taint: []string{exampleSecret},
			ConfigPlanChecks: before(plancheck.ExpectResourceAction(exampleSecret, how)),
		})
	}
}

// passedOn applies our part of an example that hands the secret to another
// provider. That one cannot be installed in a test: it comes from a registry,
// and wants an account. What it is given is given to a terraform_data instead,
// one for each argument, which must follow a rotation.
func (e *example) passedOn(t *testing.T) {
	first := e.config(t)
	if len(e.sinks) == 0 || !strings.Contains(first, exampleSecret+".secret") {
		t.Fatal("the example passes no secret on")
	}
	follows := []plancheck.PlanCheck{plancheck.ExpectResourceAction(exampleSecret, plancheck.ResourceActionUpdate)}
	for _, sink := range e.sinks {
		follows = append(follows, plancheck.ExpectResourceAction(sink, plancheck.ResourceActionUpdate))
	}
	e.run(t, nil, resource.TestStep{Config: first}, resource.TestStep{Config: e.nextQuarter(t, first), ConfigPlanChecks: before(follows...)})
}

// imported applies an import block for what is there.
func (e *example) imported(t *testing.T) {
	checks := e.importable(t)
	e.run(t, nil, resource.TestStep{Config: e.config(t), ConfigStateChecks: checks})
}

func (e *example) importedByIdentity(t *testing.T) {
	checks := e.importable(t)
	e.run(t, tfversion.SkipBelow(tfversion.Version1_12_0), resource.TestStep{Config: e.config(t), ConfigStateChecks: checks})
}

var importCommand = regexp.MustCompile(`(?m)^terraform import (\S+) (\S+)$`)

// importedByCommand runs each command of an import.sh, for the resource that
// the import block beside it is for.
func (e *example) importedByCommand(t *testing.T) {
	commands := importCommand.FindAllStringSubmatch(e.source, -1)
	if len(commands) == 0 {
		t.Fatal("the script imports nothing")
	}
	for _, command := range commands {
		t.Run(command[2], func(t *testing.T) {
			t.Parallel()
			address, id := command[1], command[2]
			kind, _, _ := strings.Cut(address, ".")
			e := readExample(t, []string{"resources/" + kind + "/import-by-string-id.tf"})
			checks := e.importable(t)
			config := e.config(t, "import")
			e.run(t, nil, resource.TestStep{
				Config: config, ResourceName: address, ImportState: true, ImportStateId: e.ids.Replace(id), ImportStatePersist: true,
			}, resource.TestStep{Config: config, ConfigStateChecks: checks})
		})
	}
}

// importable seeds what the example imports, writes the real ids into it, and
// returns what must hold after the import: nothing was rotated.
func (e *example) importable(t *testing.T) []statecheck.StateCheck {
	t.Helper()
	if checks := e.ofConsole(t); checks != nil {
		return checks
	}
	agentID, secretID := e.seed(t, "support/assistant", "Support assistant")
	ofSecret := strings.Contains(e.source, `"agentcreds_agent_secret"`)
	e.ids = strings.NewReplacer(exampleAgentID, agentID, exampleSecretID, secretID)
	e.source = e.ids.Replace(e.source)
	if strings.Contains(e.source, `"agentcreds_agent_key"`) {
		return e.seedKey(t, agentID)
	}
	if strings.Contains(e.source, `"agentcreds_agent_certificate"`) {
		return e.seedCertificate(t, agentID)
	}
	if !ofSecret {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("agentcreds_agent.support", tfjsonpath.New("id"), knownvalue.StringExact(agentID))}
	}
	return []statecheck.StateCheck{
		statecheck.ExpectKnownValue(exampleSecret, tfjsonpath.New("agent_id"), knownvalue.StringExact(agentID)),
		statecheck.ExpectKnownValue(exampleSecret, tfjsonpath.New("secret_id"), knownvalue.StringExact(secretID)),
	}
}

func (e *example) importedMany(t *testing.T) {
	var checks []statecheck.StateCheck
	for key, name := range map[string]string{"support/assistant": "Support assistant", "support/triage": "Ticket triage"} {
		_, secretID := e.seed(t, key, name)
		address := fmt.Sprintf("agentcreds_agent_secret.support[%q]", key)
		checks = append(checks, statecheck.ExpectKnownValue(address, tfjsonpath.New("secret_id"), knownvalue.StringExact(secretID)))
	}
	e.run(t, tfversion.SkipBelow(tfversion.Version1_7_0), resource.TestStep{Config: e.config(t), ConfigStateChecks: checks})
}

func (e *example) servedRemotely(t *testing.T) {
	e.place = newRemotePlace(t)
	e.applied(t)
	if e.place.remote.count("", anyPath) == 0 {
		t.Error("the server was not asked")
	}
}

// seed makes an agent with a secret past Terraform.
func (e *example) seed(t *testing.T, externalID, displayName string) (agentID, secretID string) {
	t.Helper()
	by := e.place.hand(t)
	a, err := by.CreateAgent(t.Context(), api.Agent{
		ExternalID: externalID, Profile: api.AgentProfile{DisplayName: displayName}, Extension: &api.AgentSecurity{Secret: api.SecretNone},
	})
	by.check("create an agent", err)
	s, err := by.AddSecret(t.Context(), a.ID, api.SecretRequest{SecretValue: secret.Generate()})
	by.check("add a secret", err)
	return a.ID, s.SecretID
}

// seedKey gives an agent the public key that is in the example.
func (e *example) seedKey(t *testing.T, agentID string) []statecheck.StateCheck {
	t.Helper()
	by := e.place.hand(t)
	k, err := by.AddKey(t.Context(), agentID, api.KeyRequest{PublicKeyPEM: e.heredoc()})
	by.check("add a key", err)
	return []statecheck.StateCheck{statecheck.ExpectKnownValue("agentcreds_agent_key.support", tfjsonpath.New("kid"), knownvalue.StringExact(k.KID))}
}

// heredoc is the text in the example.
func (e *example) heredoc() string {
	_, text, _ := strings.Cut(strings.ReplaceAll(e.source, "\n    ", "\n"), "<<-EOT\n")
	return text[:strings.Index(text, "  EOT")]
}

// seedCertificate signs the request that is in the example, for the agent, and
// writes the serial number that came of it into the example.
func (e *example) seedCertificate(t *testing.T, agentID string) []statecheck.StateCheck {
	t.Helper()
	by := e.place.hand(t)
	c, err := by.AddCertificate(t.Context(), agentID, api.CertificateRequest{CSRPEM: e.heredoc()})
	by.check("add a certificate", err)
	e.ids = strings.NewReplacer(exampleAgentID, agentID, exampleSerial, c.SerialNumber)
	e.source = e.ids.Replace(e.source)
	return []statecheck.StateCheck{statecheck.ExpectKnownValue("agentcreds_agent_certificate.support", tfjsonpath.New("serial_number"), knownvalue.StringExact(c.SerialNumber))}
}

func before(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

// nextQuarter changes the trigger of a configuration.
func (e *example) nextQuarter(t *testing.T, config string) string {
	t.Helper()
	if strings.Count(config, `"2026-Q4"`) != 1 {
		t.Fatal("the example has no trigger, or more than one")
	}
	return strings.Replace(config, `"2026-Q4"`, `"2027-Q1"`, 1)
}

// config is the module as terraform-plugin-testing runs it: against the
// example's place, with the provider under the address at which the test
// library attaches it, without the blocks to leave out, and without what needs
// another provider.
func (e *example) config(t *testing.T, without ...string) string {
	t.Helper()
	file, diags := hclwrite.ParseConfig([]byte(e.source), "example.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	configured := false
	e.sinks = nil
	body := file.Body()
	for _, block := range body.Blocks() {
		labels := block.Labels()
		switch kind := block.Type(); {
		case slices.Contains(without, kind):
			body.RemoveBlock(block)
		case kind == "terraform":
			requireOurs(t, block)
		case kind == "provider" && labels[0] == provider.TypeName:
			// Anew, because an empty block may stand on one line.
			e.place.aim(body.AppendNewBlock(kind, labels).Body(), block.Body())
			body.RemoveBlock(block)
			configured = true
		case kind == "variable" && block.Body().GetAttribute("default") == nil:
			block.Body().SetAttributeRaw("default", expression(`"given"`))
		case kind == "provider", (kind == "resource" || kind == "data") && !oursOrBuiltin(labels[0]):
			e.sinks = append(e.sinks, standIn(body, block)...)
			body.RemoveBlock(block)
		}
	}
	if !configured {
		e.place.aim(body.AppendNewBlock("provider", []string{provider.TypeName}).Body(), hclwrite.NewEmptyFile().Body())
	}
	return string(file.Bytes())
}

func oursOrBuiltin(kind string) bool {
	return strings.HasPrefix(kind, provider.TypeName+"_") || kind == "terraform_data"
}

// aim writes a provider block that works on this place. What the example
// configures is kept, its own path below a folder of the test.
func (p *place) aim(block, example *hclwrite.Body) {
	args := map[string]string{}
	for name, value := range p.args {
		args[name] = fmt.Sprint(value)
		if text, ok := value.(string); ok {
			args[name] = strconv.Quote(text)
		}
	}
	for name, a := range example.Attributes() {
		text := string(a.Expr().BuildTokens(nil).Bytes())
		if name == "embedded_path" {
			args[name] = fmt.Sprintf("join(\"/\", [%q, %s])", filepath.ToSlash(filepath.Dir(p.path())), text)
		} else if _, ours := args[name]; !ours {
			args[name] = text
		}
	}
	for name, text := range args {
		block.SetAttributeRaw(name, expression(text))
	}
}

// requireOurs checks where the example takes the provider from.
func requireOurs(t *testing.T, block *hclwrite.Block) {
	t.Helper()
	providers := block.Body().FirstMatchingBlock("required_providers", nil)
	if providers == nil {
		return
	}
	for name, a := range providers.Body().Attributes() {
		if name != provider.TypeName {
			providers.Body().RemoveAttribute(name)
			continue
		}
		if !bytes.Contains(a.BuildTokens(nil).Bytes(), []byte(`"agentcreds/agentcreds"`)) {
			t.Error(`the source of the provider is not "agentcreds/agentcreds"`)
		}
		providers.Body().SetAttributeRaw(name, expression(`{ source = "hashicorp/agentcreds" }`))
	}
}

// standIn adds a terraform_data for each argument of another provider's block
// that takes something of ours. It returns the addresses of those that take
// something of the secret.
func standIn(body *hclwrite.Body, block *hclwrite.Block) (addresses []string) {
	for name, a := range block.Body().Attributes() {
		text := string(a.Expr().BuildTokens(nil).Bytes())
		if !strings.Contains(text, provider.TypeName+"_") {
			continue
		}
		label := strings.Join(append(block.Labels(), name), "_")
		if strings.Contains(text, "ephemeral.") { // which no resource may keep
			body.AppendNewBlock("locals", nil).Body().SetAttributeRaw(label, expression(text))
			continue
		}
		body.AppendNewBlock("resource", []string{"terraform_data", label}).Body().SetAttributeRaw("input", expression(text))
		if strings.Contains(text, "agentcreds_agent_secret.") {
			addresses = append(addresses, "terraform_data."+label)
		}
	}
	return addresses
}

// expression reads the text of an expression.
func expression(text string) hclwrite.Tokens {
	file, diags := hclwrite.ParseConfig([]byte("it = "+text+"\n"), "expression", hcl.InitialPos)
	if diags.HasErrors() {
		panic(fmt.Sprintf("%s: %v", text, diags))
	}
	return file.Body().GetAttribute("it").Expr().BuildTokens(nil)
}

// TestTroubleshootingIsWhole checks that the guide has each title that a
// diagnostic of this package can have.
func TestTroubleshootingIsWhole(t *testing.T) {
	guide, err := os.ReadFile("../../templates/guides/troubleshooting.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^### (.+)$`).FindAllSubmatch(guide, -1) {
		known[string(heading[1])] = false
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			if !ok || text.Kind != token.STRING {
				return true
			}
			title, _ := strconv.Unquote(text.Value)
			if _, ok := known[title]; ok {
				known[title] = true
			}
			return true
		})
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !regexp.MustCompile(`^(Add(Attribute)?(Error|Warning)|ungiven)$`).MatchString(method.Sel.Name) {
				return true
			}
			at := 0
			if strings.HasPrefix(method.Sel.Name, "AddAttribute") {
				at = 1
			}
			if text, ok := call.Args[at].(*ast.BasicLit); ok {
				title, _ := strconv.Unquote(text.Value)
				if _, ok := known[title]; !ok {
					t.Errorf("%s: the guide does not explain %q", name, title)
				}
			}
			return true
		})
	}
	for title, used := range known {
		if !used {
			t.Errorf("the guide explains %q, which no diagnostic says", title)
		}
	}
}
