package sqlite

import (
	"strings"
	"testing"
)

// TestPlans: what is asked for each request finds what it looks for by an
// index, however many agents, secrets and entries there are.
func TestPlans(t *testing.T) {
	s := openWith(t, newPath(t), seams{})
	for query, index := range map[string]string{
		selectAgent + " WHERE id = ?":          "agents_1 (id=?)",
		selectAgent + " WHERE external_id = ?": "agents_external (external_id=?)",
		selectSecret:                           "PRIMARY KEY (agent=? AND id=?)",
		liveSecrets:                            "secrets_unrevoked (agent=? AND expires>?)",
		deadSecrets:                            "secrets_newest (agent=?)",
		insertSecret:                           "agents_1 (id=?)",
		updateSecret:                           "PRIMARY KEY (agent=? AND id=?)",
		selectCredential:                       "PRIMARY KEY (agent=? AND kind=? AND id=?)",
		liveCredentials:                        "credentials_unrevoked (agent=? AND kind=? AND expires>?)",
		deadCredentials:                        "credentials_newest (agent=? AND kind=?)",
		insertCredential:                       "agents_1 (id=?)",
		updateCredential:                       "PRIMARY KEY (agent=? AND kind=? AND id=?)",
		touchCredential:                        "PRIMARY KEY (agent=? AND kind=? AND id=?)",
		selectRole:                             "roles_1 (id=?)",
		insertMember:                           "agents_1 (id=?)",
		deleteMember:                           "PRIMARY KEY (agent=? AND role=?)",
		selectMembers:                          "members_role (role=?)",
		selectRolesOf:                          "PRIMARY KEY (agent=?)",
		updateAgent:                            "agents_1 (id=?)",
		selectEntries:                          "INTEGER PRIMARY KEY (rowid>?)",
		selectHead:                             "SCAN audit", // backwards, one row
	} {
		var plan []string
		err := s.writer.rowsOnce("EXPLAIN QUERY PLAN "+query, make([]any, 21), func(scan scan) error {
			var step string
			var n int
			err := scan(&n, &n, &n, &step)
			plan = append(plan, step)
			return err
		})
		steps := strings.Join(plan, "\n")
		if err != nil || !strings.Contains(steps, index) || strings.Contains(steps, "TEMP B-TREE") ||
			strings.Contains(steps, "SCAN") && query != selectHead {
			t.Errorf("%s\nis done, %v, by\n%s\nwant by %s", query, err, steps, index)
		}
	}
}
