//go:build unix

package cli_test

import (
	"math/rand/v2" //nolint:depguard // as in the fleet
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// TestLinear_replicas is TestLinear with three replicas over one PostgreSQL, which
// is killed as well: what one of them answered holds at the others, and what one
// says was not changed was not, however they and their database ended.
func TestLinear_replicas(t *testing.T) {
	seed := seed(t)
	db := pgtest.Start(t)
	f := newFleet(t, 3, db.URL(""), "--seal-key", "file:"+sealFile(t))
	f.troubles = append(f.troubles, trouble{"without their database", func(t *testing.T, _ *fleet, _ int, draw *rand.Rand) {
		db.Kill()
		time.Sleep(between(draw, 50*time.Millisecond))
		db.Launch(t)
	}})
	linear(t, histories(t, 10), f, seed)
}
