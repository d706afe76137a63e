//go:build unix

package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// insertMany makes agents with a secret each, as COPY of a backup would.
const insertMany = `WITH made AS (INSERT INTO agents (id, external_id, display_name, description, owner, attributes, user_serving, inactive, locked,
		scopes, audiences, auth_methods, owner_token, epoch, last_secret, created, modified)
		SELECT 'agent-' || i, 'bot-' || i, 'bot ' || i, '', 'team', '', false, false, false, '', '', '', 'token', 1, 1700000000000, 1700000000000000, 1700000000000000
		FROM generate_series($1::int, $2::int) i RETURNING n, id)
	INSERT INTO secrets (agent, id, digest, hint, creator, created, expires, retiring, ends) SELECT n, 's-' || id, md5(id) || md5(id), 'hint', 'test', 1700000000000, 0, false, 0 FROM made`

// A page of all agents is the same as if they were all walked past, whatever came
// and went; and a store of format 1, in which they were not counted, is counted.
func TestPlaces(t *testing.T) {
	url := pgtest.Start(t).URL("")
	opened := func(steps []string) *Store {
		s, err := Open(context.Background(), Config{URL: url, Create: true, Creator: "test", migrations: steps})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	old := opened(migrations[:1])
	if _, err := old.pool.Exec(t.Context(), insertMany, 1, 10000); err != nil {
		t.Fatal(err)
	}
	s := opened(migrations)
	counts := func() (n int) {
		if err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM agent_counts").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	check := func(when string) {
		t.Helper()
		rows, err := s.pool.Query(t.Context(), "SELECT id FROM agents ORDER BY n")
		var all []string
		for err == nil && rows.Next() {
			var id string
			err = rows.Scan(&id)
			all = append(all, id)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, offset := range []int{-1, 0, 1, 1023, 1024, 4095, 4096, 5000, 8191, len(all) - 3, len(all), len(all) + 1} {
			var page store.Page
			if err := s.View(t.Context(), func(r store.Reader) (err error) {
				page, err = r.Agents(store.Query{Offset: offset, Limit: 5})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, a := range page.Agents {
				got = append(got, a.ID)
			}
			if from := max(0, offset); from < len(all) {
				want = all[from:min(from+5, len(all))]
			}
			if diff := cmp.Diff(want, got); diff != "" || page.Total != len(all) {
				t.Errorf("%s: the page at %d, of %d of %d (-want +got):\n%s", when, offset, page.Total, len(all), diff)
			}
		}
	}
	check("counted by the migration")
	if err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		for i := 1; i <= 6000; i += 13 {
			if err := tx.RemoveAgent(fmt.Sprint("agent-", i)); err != nil {
				return nil, err
			}
		}
		return []audit.Event{{Action: audit.AgentDelete}}, tx.AddAgent(store.Agent{ID: "late"})
	}); err != nil {
		t.Fatal(err)
	}
	check("after some were removed")
	before := counts()
	if _, err := s.pool.Exec(t.Context(), mergeCounts); err != nil {
		t.Fatal(err)
	}
	if after := counts(); before < 256 || after > 10 {
		t.Errorf("%d counts became %d", before, after)
	}
	check("when their counts were made one")
}
