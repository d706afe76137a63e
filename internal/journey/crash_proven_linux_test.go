package journey_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proven is a kind of credential whose private half the agent keeps.
type proven struct {
	path     string // below an agent
	id       string // as state and server name it
	inState  string
	resource string
	source   string // the argument that says which it is, and the end of its file
	file     string
}

var (
	provenKeys         = &proven{"keys", "kid", "kid", "agentcreds_agent_key", "public_key_pem", "pub"}
	provenCertificates = &proven{"certificates", "id", "certificate_id", "agentcreds_agent_certificate", "csr_pem", "csr"}
)

// scenarios are those of crashes. To replace a key takes another one, since no
// server takes one twice.
func (p *proven) scenarios() []scenario {
	replace := []string{"-var", "trigger=2", "-replace=" + p.resource + ".bot[0]", "-replace=" + p.resource + ".bot[1]"}
	return []scenario{
		{name: "create-" + p.path, verb: "apply", fresh: true, agents: crashAgents, secrets: 1, of: p},
		{name: "rotate-" + p.path, verb: "apply", args: []string{"-var", "trigger=2"}, agents: crashAgents, secrets: 2, of: p},
		{name: "replace-" + p.path, verb: "apply", args: replace, agents: crashAgents, secrets: 2, of: p},
		{name: "destroy-" + p.path, verb: "destroy", of: p},
	}
}

// crashProvenPoints is how many are tried by default, of each kind.
const crashProvenPoints = 24

// TestJourney_crashKeys: creating, rotating, replacing and destroying keys is
// interrupted at any request, in any way; one more run, and each agent has the
// one key that is wanted, by which it logs in.
func TestJourney_crashKeys(t *testing.T) { crashes(t, provenKeys.scenarios(), crashProvenPoints) }

// TestJourney_crashCertificates: so with certificates that the server signs, and
// none is signed twice.
func TestJourney_crashCertificates(t *testing.T) {
	crashes(t, provenCertificates.scenarios(), crashProvenPoints)
}

// faultProvenPoints is how many are tried by default, of each kind.
const faultProvenPoints = 8

// TestJourney_faultsKeys: any of these requests breaks in any way, with keys.
func TestJourney_faultsKeys(t *testing.T) { faults(t, provenKeys.house(), faultProvenPoints) }

// TestJourney_faultsCertificates: so with certificates.
func TestJourney_faultsCertificates(t *testing.T) {
	faults(t, provenCertificates.house(), faultProvenPoints)
}

func (p *proven) house() house {
	h := reference
	h.scenarios = p.scenarios()
	return h
}

// crashPairs are the keys of the agents, by number and trigger.
var crashPairs = sync.OnceValue(func() map[string]pair {
	all := map[string]pair{}
	for n := range crashAgents {
		for _, trigger := range []string{"1", "2"} {
			all[fmt.Sprintf("%d-%s", n, trigger)] = newPair()
		}
	}
	return all
})

// writeProven makes the configuration one with keys or certificates.
func (c *crash) writeProven(t *testing.T) {
	t.Helper()
	agents, _, _ := strings.Cut(crashConfig, `resource "agentcreds_agent_secret"`)
	of := c.scenario.of
	c.w.write("main.tf", agents+fmt.Sprintf(`
resource %q "bot" {
  count        = 2
  agent_id     = agentcreds_agent.bot[count.index].id
  %s           = file("${count.index}-${var.trigger}.%s")
  grace_period = "1h"
}
`, of.resource, of.source, of.file))
	for name, p := range crashPairs() {
		c.w.write(name+".pub", p.public)
		c.w.write(name+".csr", p.request(t))
	}
}

// held is what the state has of the secrets, keys or certificates, by agent.
func (c *crash) held(st state) map[string]held {
	of := c.scenario.of
	if of == nil {
		return st.allSecrets()
	}
	out := map[string]held{}
	for _, a := range st.attributes(of.resource) {
		out[text(a["agent_id"])] = held{text(a["agent_id"]), text(a[of.inState]), text(a["certificate_pem"])}
	}
	return out
}

// listed is what the server has of the secrets, keys or certificates of an
// agent.
func (c *crash) listed(agentID string) (list []secretInfo) {
	of := c.scenario.of
	if of == nil {
		return c.judge.secrets(agentID)
	}
	var answer struct{ List []map[string]any }
	c.s.get(strings.TrimSuffix(secretsPath(agentID), "secrets")+of.path, &answer)
	for _, k := range answer.List {
		list = append(list, secretInfo{SecretID: text(k[of.id]), Status: text(k["status"])})
	}
	return list
}

// enters wants the agent to log in by what the state has.
func (c *crash) enters(have held, fail func(string, ...any)) {
	by := c.s.byHeader(have.agentID, have.value)
	for _, p := range crashPairs() {
		if p.kid == have.id {
			by = c.s.byKey(caller, have.agentID, p)
		}
	}
	if status, body := c.s.enter(by); status != http.StatusOK {
		fail("agent %s logs in by the %s %s of the state with %d %s", have.agentID, by.name, have.id, status, body)
	}
}

// byHeader shows a certificate as a proxy does that has seen it (RFC 9440).
func (s *server) byHeader(agentID, certificate string) credential {
	var shown string
	if block, _ := pem.Decode([]byte(certificate)); block != nil {
		shown = ":" + base64.StdEncoding.EncodeToString(block.Bytes) + ":"
	}
	web := &http.Client{Timeout: caller.Timeout, Transport: showing(shown)}
	return credential{"certificate", web, func() url.Values { return url.Values{"client_id": {agentID}} }}
}

// showing sends a certificate along.
type showing string

func (h showing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Client-Cert", string(h))
	return caller.Transport.RoundTrip(r)
}
