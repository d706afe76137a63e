//go:build unix

package postgres

import (
	"net/url"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// Whoever migrates may be another role than that of the servers, and one that may
// not see since when, and from where, they are connected: they are in the way all
// the same, and are told by their names.
func TestServes_anotherRole(t *testing.T) {
	t.Parallel()
	servers := pgtest.Start(t).URL("")
	s := present.must(t, servers, "serve 1")
	u, err := url.Parse(servers)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("deploy", pgtest.Password)
	for _, statement := range []string{
		"CREATE ROLE deploy LOGIN PASSWORD '" + pgtest.Password + "'",
		"GRANT ALL ON SCHEMA agentcreds TO deploy",
		"GRANT ALL ON ALL TABLES IN SCHEMA agentcreds TO deploy",
	} {
		if _, err := s.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	taking.refused(t, u.String(), "serve 1")
	if s, err := taking.open(u.String(), ""); err == nil {
		_ = s.Close()
	} else if strings.Contains(err.Error(), "NULL") || strings.Contains(err.Error(), "since 0001") {
		t.Errorf("%v: what it may not see is in it", err)
	}
}
