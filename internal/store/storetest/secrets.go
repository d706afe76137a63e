package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var secretTests = map[string]func(*testing.T, opener){
	"live and dead": liveAndDead,
	"agrees with Secret.Live": func(t *testing.T, open opener) {
		s := open()
		add(t, s, store.Agent{ID: id(1)})
		revoked := time.Unix(5, 0).UTC()
		var all []store.Secret
		for i, sec := range []store.Secret{
			{}, {Expires: 99}, {Expires: 100}, {Expires: 101}, {Expires: 1 << 40}, {Revoked: revoked},
			{Revoked: revoked, Expires: 101}, {Retiring: true}, {Retiring: true, Expires: 101}, {Retiring: true, Expires: 100},
		} {
			sec.AgentID, sec.ID, sec.Created = id(1), fmt.Sprint(i), int64(i)
			all = append(all, sec)
		}
		update(t, s, func(tx store.Tx) error {
			for _, sec := range all {
				if err := tx.AddSecret(sec); err != nil {
					return err
				}
			}
			return nil
		})
		var want []string
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].Live(time.Unix(100, 0)) {
				want = append(want, all[i].ID)
			}
		}
		if diff := cmp.Diff(strings.Join(want, " "), list(t, s, []string{id(1)}, 100, 0)[id(1)]); diff != "" {
			t.Errorf("live secrets (-want +got):\n%s", diff)
		}
	},
	"each field": func(t *testing.T, open opener) {
		s := open()
		add(t, s, store.Agent{ID: id(1)})
		want := variants(t, func(s *store.Secret) { s.AgentID = id(1) })
		for i, sec := range want {
			sec.ID = fmt.Sprint(i)
			update(t, s, func(tx store.Tx) error { return tx.AddSecret(sec) })
		}
		view(t, s, func(r store.Reader) error {
			all, err := r.Secrets([]string{id(1)}, 0, 1000)
			if len(all[id(1)]) != len(want) {
				t.Fatalf("%d secrets, want %d", len(all[id(1)]), len(want))
			}
			for _, got := range all[id(1)] {
				one, err := r.Secret(id(1), got.ID)
				if diff := cmp.Diff(one, got); diff != "" || err != nil {
					t.Errorf("Secrets and Secret differ: %v (-Secret +Secrets):\n%s", err, diff)
				}
			}
			return err
		})
	},
}

// list returns the ids of secrets by agent.
func list(t *testing.T, s store.Store, agents []string, now int64, dead int) map[string]string {
	t.Helper()
	ids := map[string]string{}
	view(t, s, func(r store.Reader) error {
		all, err := r.Secrets(agents, now, dead)
		for agent, secrets := range all {
			var row []string
			for _, sec := range secrets {
				if sec.AgentID != agent {
					t.Errorf("secret %s of agent %s is listed for %s", sec.ID, sec.AgentID, agent)
				}
				row = append(row, sec.ID)
			}
			ids[agent] = strings.Join(row, " ")
		}
		return err
	})
	return ids
}

// liveAndDead: by agent, newest first, all that live, and the newest of the
// others. The order is by Created, not by the order of adding or of ids.
func liveAndDead(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)}, store.Agent{ID: id(3)}, store.Agent{ID: id(4)})
	revoked := time.Unix(1, 0).UTC()
	update(t, s, func(tx store.Tx) error {
		for _, sec := range []store.Secret{
			{AgentID: id(1), ID: "old-live", Created: 10},
			{AgentID: id(1), ID: "expired", Created: 50, Expires: 1000},
			{AgentID: id(1), ID: "revoked", Created: 40, Revoked: revoked},
			{AgentID: id(1), ID: "retiring", Created: 60, Expires: 1001, Retiring: true},
			{AgentID: id(1), ID: "oldest-dead", Created: 20, Expires: 1},
			{AgentID: id(1), ID: "newest", Created: 70},
			{AgentID: id(2), ID: "dead", Created: 1, Revoked: revoked},
			{AgentID: id(3), ID: "live", Created: 1},
			{AgentID: id(3), ID: "live-too", Created: 1}, // one moment: any order, but always the same
		} {
			if err := tx.AddSecret(sec); err != nil {
				return err
			}
		}
		return nil
	})
	all := []string{id(3), id(1), id(9), id(2), id(4), id(1)} // in any order, unknown, without secrets, twice
	for _, tt := range []struct {
		agents []string
		now    int64
		dead   int
		want   map[string]string
	}{
		{all, 1000, 0, map[string]string{id(1): "newest retiring old-live", id(3): "live-too live"}},
		{all, 1000, -1, map[string]string{id(1): "newest retiring old-live", id(3): "live-too live"}},
		{all, 1000, 1, map[string]string{id(1): "newest retiring expired old-live", id(2): "dead", id(3): "live-too live"}},
		{all, 1000, 2, map[string]string{id(1): "newest retiring expired revoked old-live", id(2): "dead", id(3): "live-too live"}},
		{all, 1000, 9, map[string]string{id(1): "newest retiring expired revoked oldest-dead old-live", id(2): "dead", id(3): "live-too live"}},
		{all, 999, 0, map[string]string{id(1): "newest retiring expired old-live", id(3): "live-too live"}},
		{all, 1001, 0, map[string]string{id(1): "newest old-live", id(3): "live-too live"}},
		{[]string{id(2)}, 1000, 0, map[string]string{}},
		{nil, 1000, 9, map[string]string{}},
	} {
		got := list(t, s, tt.agents, tt.now, tt.dead)
		if got[id(3)] == "live live-too" {
			got[id(3)] = "live-too live"
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Secrets(now %d, dead %d) (-want +got):\n%s", tt.now, tt.dead, diff)
		}
	}
}
