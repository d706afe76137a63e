//go:build unix

package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// BenchmarkLogin is what a login asks of the store: who it is is read, and the
// token entered, by sixteen at once at one replica or at three.
func BenchmarkLogin(b *testing.B) {
	url := pgtest.Start(b).URL("")
	for _, replicas := range []int{1, 3} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
			var all []*postgres.Store
			for range replicas {
				s, err := postgres.Open(b.Context(), postgres.Config{URL: url, Create: true, Replica: true})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				all = append(all, s)
			}
			_ = all[0].Update(b.Context(), func(tx store.Tx) ([]audit.Event, error) {
				for n := range 1000 {
					if err := tx.AddAgent(store.Agent{ID: fmt.Sprint(n)}); err != nil {
						return nil, err
					}
					if err := tx.AddSecret(store.Secret{AgentID: fmt.Sprint(n), ID: "s"}); err != nil {
						return nil, err
					}
				}
				return []audit.Event{done}, nil
			})
			var next atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := next.Add(1)
					id := fmt.Sprint(n % 1000)
					if err := all[n%int64(replicas)].Update(b.Context(), func(tx store.Tx) ([]audit.Event, error) {
						if _, err := tx.Agent(id); err != nil {
							return nil, err
						}
						if _, err := tx.Secrets([]string{id}, 0, 0); err != nil {
							return nil, err
						}
						return []audit.Event{{Action: audit.TokenIssue, AgentID: id}}, nil
					}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}
