// Package journey runs the built provider under a real Terraform or OpenTofu:
// crash, leak, scale and bad-input journeys, and benchmarks of whole runs. It
// has no code, only tests, and imports nothing of the house: what it knows of
// the provider is what a user knows, what it knows of the server is HTTP.
//
// AGENTCREDS_TEST_CLI names the CLI; unset, it is terraform, then tofu from
// PATH. Without either the journeys are skipped. Other variables, for longer
// runs than a change needs:
//
//	AGENTCREDS_TEST_CRASH_POINTS=all   every point of the crash journeys (a number: so many)
//	AGENTCREDS_TEST_FAULT_POINTS=all   every point of the fault journeys (a number: so many of each)
//	AGENTCREDS_TEST_SINK_POINTS=100    of the journey that is killed while it rotates into two sinks (all: every one)
//	AGENTCREDS_TEST_PLANS=100          how many plans in a row change nothing
//	AGENTCREDS_TEST_BLOWS=100          how often servers, their lines and their database fail (every kind once)
//	AGENTCREDS_TEST_SEED=text          another choice of points and moments
//	AGENTCREDS_TEST_MIGRATIONS=20      how many agents move from one method to the next, side by side
//	AGENTCREDS_TEST_KEY_ROTATIONS=100  how often a key, and a certificate, is rotated while its agent logs in
//	AGENTCREDS_TEST_AGENTS=1000        the size of the scale journeys (under Asgardeo's limit 1,000 take 11 minutes)
//	AGENTCREDS_TEST_BENCH_AGENTS=200   the size of the benchmarks (plans: 250; others: 1,000, or what the machine can do)
//
// Golden diagnostics are written anew by go test -run "TestJourney_(badInput|calls)"
// ./internal/journey -update.
package journey
