//go:build unix

package postgres

import (
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// The epochs of more agents than one statement raises are all raised, once.
func TestRaiseEpochs_many(t *testing.T) {
	s, err := Open(t.Context(), Config{URL: pgtest.Start(t).URL(""), Create: true, Creator: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const agents = 2*raisedAtOnce + 1
	if _, err := s.pool.Exec(t.Context(), insertMany, 1, agents); err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{{Actor: "test", Action: audit.StoreQuarantine}}, tx.RaiseEpochs(7)
	})
	if err != nil {
		t.Fatal(err)
	}
	var raised int
	if err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM agents WHERE epoch = 8").Scan(&raised); err != nil || raised != agents {
		t.Errorf("the epochs of %d of %d agents were raised: %v", raised, agents, err)
	}
}
