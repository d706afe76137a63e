//go:build unix

package postgres_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// After the database started again the last uses were lost, and a server that was
// stopped then ended with a failure: the second attempt, on another connection,
// named a statement that only the first connection had.
func TestAside_restart(t *testing.T) {
	db := pgtest.Start(t)
	s := open(t, postgres.Config{URL: db.URL(""), Create: true, Replica: true})
	addAgent(t, s, "a")
	touch := func() error {
		return s.Touch(t.Context(), []store.Use{{AgentID: "a", SecretID: "s", At: time.Now()}})
	}
	if err := touch(); err != nil {
		t.Fatal(err)
	}
	db.Stop()
	db.Launch(t)
	if err := touch(); err != nil {
		t.Errorf("Touch = %v", err)
	}
	db.Stop()
	db.Launch(t)
	if _, err := s.Count(t.Context(), "x", 1); err != nil {
		t.Errorf("Count = %v", err)
	}
}
