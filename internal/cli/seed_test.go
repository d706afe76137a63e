package cli_test

import (
	"hash/fnv"
	"math/rand/v2" //nolint:depguard // what is drawn is which request comes next, and when a server dies
	"os"
	"strconv"
	"testing"
	"time"
)

// seed is what a run draws from: AGENTCREDS_TEST_SEED, or another each time,
// which a run that fails tells. It decides what is asked for and when servers die;
// what comes first of what happens at once is the machine's to say.
func seed(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("AGENTCREDS_TEST_SEED")
	if text == "" {
		text = strconv.FormatUint(uint64(rand.Uint32()), 36)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("AGENTCREDS_TEST_SEED=%s draws the same again", text)
		}
	})
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(text))
	return sum.Sum64()
}

// between is a time from 0 to that.
func between(draw *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(draw.Int64N(int64(most)))
}
