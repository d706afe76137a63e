package provider_test

import (
	"fmt"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// TestCredentialScale: what a refresh of a thousand agents with a secret, a key
// and a trusted name each costs, when nothing changes. All are read from the
// same pages.
func TestCredentialScale(t *testing.T) {
	t.Parallel()
	const n, most = 1000, 1000/100 + 4
	p := newRemotePlace(t)
	admin := authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}
	key := newKeyPair(t).public // agents may share one
	ids := make([]string, n)
	for i := range ids {
		name := fmt.Sprint("bot-", i)
		a, _, err := p.remote.authority.CreateAgent(t.Context(), admin, authority.NewAgent{
			AgentChange: authority.AgentChange{DisplayName: &name, Password: secret.Generate()}, // of our shape, which costs no time to digest
		})
		if err == nil {
			_, err = p.remote.authority.AddPublicKey(t.Context(), admin, authority.NewPublicKey{
				Rotation: authority.Rotation{AgentID: a.ID}, PEM: key,
			})
		}
		if err == nil {
			_, err = p.remote.authority.AddCertificate(t.Context(), admin, authority.NewCertificate{
				Rotation: authority.Rotation{AgentID: a.ID}, Subject: authority.Subject{DNS: name + ".example"},
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = a.ID
	}
	kinds := []string{agentType, secretType, keyType, certificateType}
	states := make([][]instance, n)
	run := func(what string, do func(run *plugin, i, kind int) (instance, problems)) {
		p.remote.forget()
		plugin := p.plugin(t)
		each(n, func(i int) {
			for kind := range kinds {
				out, d := do(plugin, i, kind)
				if len(d.errors()) > 0 || out.state == nil {
					t.Errorf("%s: %v, %v", kinds[kind], out.state, d)
				}
				states[i][kind] = out
			}
		})
		if got := p.remote.count("", anyPath); got > most {
			t.Errorf("%s of %d agents with three credentials each took %d requests, want at most %d", what, n, got, most)
		}
	}
	for i := range states {
		states[i] = make([]instance, len(kinds))
	}
	run("the import", func(run *plugin, i, kind int) (instance, problems) { return run.importBy(kinds[kind], ids[i], nil) })
	run("the refresh", func(run *plugin, i, kind int) (instance, problems) { return run.read(kinds[kind], states[i][kind]) })
}
