package provider_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// parallelism is what Terraform does at once.
const parallelism = 10

// each calls fn for 0 to n-1 as Terraform would.
func each(n int, fn func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range parallelism {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// TestAsgardeoScale: what a plan of a thousand agents with a secret each costs,
// when nothing changes. Agents and secrets are read from the same pages. A token
// is one request more, of which these places need none.
func TestAsgardeoScale(t *testing.T) {
	t.Parallel()
	n := 1000
	if text := os.Getenv("AGENTCREDS_TEST_AGENTS"); text != "" { // 10,000 take a minute or two
		n, _ = strconv.Atoi(text)
	}
	most := n/100 + 10 - 1 // 20 for a thousand, 110 for ten thousand
	p := newAsgardeo(t)
	admin := authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}
	ids := make([]string, n)
	for i := range ids {
		name := fmt.Sprint("bot-", i)
		a, _, err := p.remote.authority.CreateAgent(t.Context(), admin, authority.NewAgent{
			AgentChange: authority.AgentChange{DisplayName: &name, Password: secret.Generate()}, // of our shape, which costs no time to digest
		})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = a.ID
	}
	imports := p.plugin(t)
	agents, secrets := make([]instance, n), make([]instance, n)
	each(n, func(i int) {
		var d, e problems
		agents[i], d = imports.importBy(agentType, ids[i], nil)
		secrets[i], e = imports.importBy(secretType, ids[i], nil)
		if len(d.errors())+len(e.errors()) > 0 {
			t.Error(d, e)
		}
	})
	if got := p.remote.count("", anyPath); got > most {
		t.Errorf("the import of %d agents with a secret each took %d requests, want at most %d", n, got, most)
	}
	p.remote.forget()
	refresh := p.plugin(t)
	each(n, func(i int) {
		for kind, state := range map[string]instance{agentType: agents[i], secretType: secrets[i]} {
			out, d := refresh.read(kind, state)
			if len(d.errors()) > 0 || out.state == nil {
				t.Errorf("%s: %v, %v", kind, out.state, d)
			}
		}
	})
	if got := p.remote.count("", anyPath); got > most {
		t.Errorf("the refresh of %d agents with a secret each took %d requests, want at most %d", n, got, most)
	}
}
