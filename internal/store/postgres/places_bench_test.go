//go:build unix

package postgres

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// BenchmarkMany is what a page, a read, a rotation and a token ask of the store
// with many agents (AGENTCREDS_BENCH_AGENTS, or 100,000) beside 1,000, in turns: it
// fails where one takes more than twice as long in the median.
func BenchmarkMany(b *testing.B) {
	many := 100_000
	if text := os.Getenv("AGENTCREDS_BENCH_AGENTS"); text != "" {
		var err error
		if many, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	server := pgtest.Start(b)
	sizes := []int{1000, many}
	var stores []*Store
	for n, size := range sizes {
		s, err := Open(context.Background(), Config{URL: server.URL(fmt.Sprint("of", n)), Create: true, Creator: "bench", Replica: true})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		c, err := s.pool.Acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for from := 1; from <= size; from += 50_000 { // each in less than statement_timeout
			if _, err := c.Exec(b.Context(), insertMany, from, min(from+49_999, size)); err != nil {
				b.Fatal(err)
			}
		}
		for _, statement := range []string{"SET statement_timeout = 0", countAgents, "VACUUM ANALYZE agents, secrets, agent_counts"} { // as PostgreSQL does by itself
			if _, err := c.Exec(b.Context(), statement); err != nil {
				b.Fatal(err)
			}
		}
		_ = c.Conn().Close(b.Context())
		c.Release()
		stores = append(stores, s)
	}
	for _, act := range []struct {
		name string
		do   func(s *Store, size, i int) error
	}{
		{"page", pageOf}, {"read", readOf}, {"rotate", rotateOf}, {"token", tokenOf},
	} {
		b.Run(act.name, func(b *testing.B) {
			took := make([][]time.Duration, len(sizes))
			for i := range max(b.N, 200) {
				for n, s := range stores {
					began := time.Now()
					if err := act.do(s, sizes[n], i); err != nil {
						b.Fatal(err)
					}
					took[n] = append(took[n], time.Since(began))
				}
			}
			var median [2]time.Duration
			for n := range took {
				slices.Sort(took[n])
				median[n] = took[n][len(took[n])/2]
			}
			ratio := float64(median[1]) / float64(median[0])
			b.ReportMetric(ratio, "times-1000")
			b.ReportMetric(float64(median[0].Microseconds()), "µs-1000")
			b.ReportMetric(float64(median[1].Microseconds()), "µs-many")
			if ratio > 2 {
				b.Errorf("with %d agents it takes %v, with %d %v", sizes[1], median[1], sizes[0], median[0])
			}
		})
	}
}

// spread is an agent anywhere.
func spread(size, i int) string { return fmt.Sprint("agent-", 1+i*7919%size) }

// pageOf reads a page of a hundred, anywhere, with the secrets of its agents.
func pageOf(s *Store, size, i int) error {
	return s.View(context.Background(), func(r store.Reader) error {
		page, err := r.Agents(store.Query{Offset: i * 7919 % (size - 100), Limit: 100})
		if err != nil || len(page.Agents) != 100 || page.Total != size {
			return fmt.Errorf("%d agents of %d, %w", len(page.Agents), page.Total, err)
		}
		var ids []string
		for _, a := range page.Agents {
			ids = append(ids, a.ID)
		}
		_, err = r.Secrets(ids, 0, 1)
		return err
	})
}

func readOf(s *Store, size, i int) error {
	return s.View(context.Background(), func(r store.Reader) error {
		_, err := r.Agent(spread(size, i))
		return err
	})
}

// rotateOf adds a secret and ends those before.
func rotateOf(s *Store, size, i int) error {
	id := spread(size, i)
	return s.Update(context.Background(), func(tx store.Tx) ([]audit.Event, error) {
		a, err := tx.Agent(id)
		if err != nil {
			return nil, err
		}
		a.LastSecret++
		all, err := tx.Secrets([]string{id}, 0, 1)
		if err != nil {
			return nil, err
		}
		for _, one := range all[id] {
			if one.Revoked.IsZero() {
				one.Revoked = time.Now()
				if err := tx.SetSecret(one); err != nil {
					return nil, err
				}
			}
		}
		if err := tx.SetAgent(a); err != nil {
			return nil, err
		}
		return []audit.Event{{Action: audit.SecretCreate, AgentID: id}}, tx.AddSecret(store.Secret{AgentID: id, ID: fmt.Sprint("new-", time.Now().UnixNano()), Created: a.LastSecret})
	})
}

// tokenOf reads who logs in and enters the token.
func tokenOf(s *Store, size, i int) error {
	id := spread(size, i)
	return s.Update(context.Background(), func(tx store.Tx) ([]audit.Event, error) {
		if _, err := tx.Agent(id); err != nil {
			return nil, err
		}
		if _, err := tx.Secrets([]string{id}, 0, 0); err != nil {
			return nil, err
		}
		return []audit.Event{{Action: audit.TokenIssue, AgentID: id}}, nil
	})
}
