package sqlite

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// BenchmarkRotation adds a secret and revokes the one before, durably, as
// authority does it for sixteen who ask at once, beside a bare program that runs
// the same statements with the same group commit, in turns. It fails on no
// number.
func BenchmarkRotation(b *testing.B) {
	const writers, rounds = 16, 5
	ours, yard := rotations(b, writers), bareRotations(b, writers)
	var mine, bare, ratios []float64
	for b.Loop() {
		for range rounds {
			m, y := rateOf(b, writers, ours), rateOf(b, writers, yard)
			mine, bare, ratios = append(mine, m), append(bare, y), append(ratios, m/y)
		}
	}
	middle := func(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(middle(mine), "rotation-durable-ours-/s")
	b.ReportMetric(middle(bare), "rotation-durable-yard-/s")
	b.ReportMetric(middle(ratios), "rotation-durable-ratio")
}

// rateOf is how often in a second something is done by so many at once.
func rateOf(b *testing.B, writers int, do func(writer int) error) float64 {
	b.Helper()
	var done sync.WaitGroup
	var times atomic.Int64
	began := time.Now()
	for w := range writers {
		done.Go(func() {
			for time.Since(began) < time.Second && !b.Failed() {
				if err := do(w); err != nil {
					b.Error(err)
				}
				times.Add(1)
			}
		})
	}
	done.Wait()
	return float64(times.Load()) / time.Since(began).Seconds()
}

// rotations rotates, each writer an agent of its own.
func rotations(b *testing.B, writers int) func(int) error {
	b.Helper()
	rules, err := authority.New(authority.Config{Store: openBench(b)})
	if err != nil {
		b.Fatal(err)
	}
	admin := authority.Principal{Name: "client:bench", Scopes: []string{authority.AllScopes}}
	agents, latest := make([]string, writers), make([]string, writers)
	for w := range agents {
		agent, _, err := rules.CreateAgent(b.Context(), admin, authority.NewAgent{})
		if err != nil {
			b.Fatal(err)
		}
		agents[w], latest[w] = agent.ID, agent.Secrets[0].ID
	}
	return func(w int) error {
		s, _, err := rules.AddSecret(b.Context(), admin, authority.NewSecret{AgentID: agents[w], Revoke: []string{latest[w]}})
		latest[w] = s.ID
		return err
	}
}

// bareRotations runs the statements of that: the agent, whether the id of the
// secret is free, the one that is revoked, which live ones there are, the new one,
// and the answer.
func bareRotations(b *testing.B, writers int) func(int) error {
	b.Helper()
	s := openBench(b)
	commit := groupCommit(b, s)
	agents, secrets := make([]store.Agent, writers), make([]store.Secret, writers)
	next := func(w int) store.Secret {
		now := time.Now()
		return store.Secret{
			AgentID: agents[w].ID, ID: uuid.NewString(), Digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			Hint: "abcd", Creator: "client:bench", Created: max(now.UnixMilli(), secrets[w].Created+1),
		}
	}
	for w := range agents {
		agents[w] = store.Agent{ID: uuid.NewString(), Created: time.Now(), Modified: time.Now()}
		secrets[w] = next(w)
		if err := commit(statement{insertAgent, row.AgentValues(agents[w]), false}, statement{insertSecret, row.SecretValues(secrets[w]), false}); err != nil {
			b.Fatal(err)
		}
	}
	return func(w int) error {
		old, made := secrets[w], next(w)
		old.Revoked, secrets[w], agents[w].LastSecret = time.Now(), made, made.Created
		id, now := old.AgentID, time.Now().Unix()
		agent := statement{selectAgent + " WHERE id = ?", []any{id}, true}
		return commit(
			agent,
			statement{selectSecret, []any{id, made.ID}, true},
			statement{selectSecret, []any{id, old.ID}, true},
			statement{selectSecret, []any{id, old.ID}, true},
			statement{updateSecret, row.SecretValues(old), false},
			statement{liveSecrets, []any{id, now}, true},
			statement{insertSecret, row.SecretValues(made), false},
			statement{updateAgent, row.AgentValues(agents[w]), false},
			agent,
			statement{selectSecret, []any{id, made.ID}, true},
			entered(id, "secret.create", old.ID),
		)
	}
}
