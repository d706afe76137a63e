//go:build unix

package cli_test

import (
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// TestLinear_replicas is TestLinear with three replicas over one PostgreSQL: what
// one of them answered holds at the others, however they ended and paused.
func TestLinear_replicas(t *testing.T) {
	seed := seed(t)
	linear(t, histories(t, 10), newFleet(t, 3, pgtest.Start(t).URL(""), "--seal-key", "file:"+sealFile(t)), seed)
}
