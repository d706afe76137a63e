package sqlite

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
	"github.com/google/uuid"
)

// BenchmarkUpdate adds an agent with a secret, durably, beside a bare program
// that does the same three INSERTs with a group commit and nothing else.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("store/%d", writers), func(b *testing.B) {
			s := openBench(b)
			inParallel(b, writers, func(a store.Agent, sec store.Secret) error {
				return s.Update(b.Context(), func(tx store.Tx) ([]audit.Event, error) {
					if err := tx.AddAgent(a); err != nil {
						return nil, err
					}
					return []audit.Event{{Action: audit.AgentCreate, AgentID: a.ID}}, tx.AddSecret(sec)
				})
			})
		})
		b.Run(fmt.Sprintf("bare/%d", writers), func(b *testing.B) {
			inParallel(b, writers, bare(b, openBench(b)))
		})
	}
}

func openBench(b *testing.B) *Store {
	s, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "agents.db"), Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// inParallel calls add b.N times from so many writers.
func inParallel(b *testing.B, writers int, add func(store.Agent, store.Secret) error) {
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < b.N; i += writers {
				a := store.Agent{ID: uuid.NewString(), DisplayName: "bench", Owner: "bench", Epoch: 1, Created: time.Now(), Modified: time.Now()}
				sec := store.Secret{AgentID: a.ID, ID: uuid.NewString(), Digest: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Created: a.Created.UnixMilli()}
				if err := add(a, sec); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// statement is one that a bare program runs; what it reads is not looked at.
type statement struct {
	query  string
	values []any
	reads  bool
}

// groupCommit commits whatever has queued, in one goroutine.
func groupCommit(b *testing.B, s *Store) func(...statement) error {
	type job struct {
		all  []statement
		done chan error
	}
	jobs := make(chan job, 64)
	b.Cleanup(func() { close(jobs) })
	go func() {
		c := s.writer
		run := func(one statement) (err error) {
			if one.reads {
				return c.rows(one.query, one.values, func(scan) error { return nil })
			}
			_, err = c.exec(one.query, one.values...)
			return err
		}
		for first := range jobs {
			group := []job{first}
			for len(jobs) > 0 {
				group = append(group, <-jobs)
			}
			_, err := c.exec("BEGIN IMMEDIATE")
			for _, j := range group {
				for _, one := range j.all {
					if err == nil {
						err = run(one)
					}
				}
			}
			if err == nil {
				_, err = c.exec("COMMIT")
			}
			for _, j := range group {
				j.done <- err
			}
		}
	}()
	return func(all ...statement) error {
		j := job{all, make(chan error, 1)}
		jobs <- j
		return <-j.done
	}
}

// bare adds an agent with a secret.
func bare(b *testing.B, s *Store) func(store.Agent, store.Secret) error {
	commit := groupCommit(b, s)
	return func(a store.Agent, sec store.Secret) error {
		return commit(
			statement{insertAgent, row.AgentValues(a), false}, statement{insertSecret, row.SecretValues(sec), false},
			entered(a.ID, string(audit.AgentCreate), sec.ID),
		)
	}
}

// entered is an entry of the audit, whose number SQLite chooses.
func entered(agentID, action, target string) statement {
	hash := fmt.Sprintf("%064d", 0)
	detail := `{"revoked:` + target + `":"secret"}`
	return statement{insertEntry, []any{nil, time.Now().UnixMicro(), "client:" + target, action, agentID, target, "done", "", detail, hash, hash}, false}
}
