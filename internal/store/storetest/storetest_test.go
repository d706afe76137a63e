package storetest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/storetest"
)

// open opens a store that breaks the promise, or none for "".
func open(t *testing.T, path, fault string, shared *state) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if fault == "" {
		return s
	}
	f := &faulty{Store: s, fault: fault, state: shared}
	shared.handles = append(shared.handles, f)
	return f
}

// places makes places for faulty stores.
func places(fault string) func(t *testing.T) func() store.Store {
	return func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "agents.db")
		shared := &state{cache: map[string]store.Agent{}, secrets: map[string]bool{}}
		return func() store.Store {
			if fault == "begins anew" && len(shared.handles) > 0 && shared.handles[0].closed.Load() {
				path += "2"
			}
			return open(t, path, fault, shared)
		}
	}
}

func TestRun(t *testing.T) { storetest.Run(t, places("")) }

// failures runs a test apart from this one, and returns what failed in it. The
// package testing prints to the standard output, which is kept for that.
func failures(t *testing.T, name string, test func(*testing.T)) string {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = out
	func() {
		defer func() { os.Stdout = stdout }()
		testing.RunTests(
			func(string, string) (bool, error) { return true, nil },
			[]testing.InternalTest{{Name: name, F: test}},
		)
	}()
	printed, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(printed)
}

// TestRun_findsFaults: each test can fail. Where a fault would make one wait
// for ever, there is none.
func TestRun_findsFaults(t *testing.T) {
	for _, tt := range []struct{ fault, test string }{
		{"forgets an agent's owner", "Records/agent"},
		{"cuts off microseconds", "Records/agent"},
		{"cuts off microseconds", "Records/times_come_back_in_UTC"},
		{"local times", "Records/times_come_back_in_UTC"},
		{"forgets a secret's creator", "Records/secret"},
		{"keeps one event", "Records/event"},
		{"enters others' events", "Records/event"},
		{"empty for nil", "Records/empty_lists_come_back_nil"},
		{"shares its maps", "Records/what_is_read_is_the_caller's"},
		{"hides not found", "Exists/not_found"},
		{"hides what exists", "Exists/taken"},
		{"external id of its own", "Exists/external_id"},
		{"removes nothing", "Exists/removed_with_its_secrets"},
		{"stops after an error", "Exists/the_transaction_goes_on"},
		{"one without external id", "Exists/many_without_external_id"},
		{"secret ids of all", "Exists/same_secret_id,_two_agents"},
		{"newest first", "Queries/pages"},
		{"counts the page", "Queries/pages"},
		{"by id", "Queries/pages_keep_their_order"},
		{"case counts", "Queries/conditions"},
		{"wildcards", "Queries/conditions,_every_text"},
		{"one condition", "Queries/several_conditions"},
		{"forgets the dead", "Secrets/live_and_dead"},
		{"ignores the limit", "Secrets/live_and_dead"},
		{"oldest secret first", "Secrets/live_and_dead"},
		{"lists under one agent", "Secrets/live_and_dead"},
		{"expires late", "Secrets/agrees_with_Secret.Live"},
		{"lists without hints", "Secrets/each_field"},
		{"forgets a credential's subject", "Credentials/as_it_was_written"},
		{"hides what exists", "Credentials/not_there,_taken"},
		{"forgets the dead", "Credentials/live_and_dead"},
		{"one kind", "Credentials/kinds_apart"},
		{"removes nothing", "Credentials/gone_with_theirs"},
		{"touches secrets", "Credentials/uses"},
		{"forgets the chain", "CA/keys_as_they_were_written"},
		{"keeps the first revocation", "CA/revocations"},
		{"tells the count before", "Once/counters"},
		{"forgets a role's creator", "Roles/as_it_was_written"},
		{"hides what exists", "Roles/not_there,_taken"},
		{"counts the page", "Roles/pages"},
		{"one role", "Roles/members"},
		{"removes nothing", "Roles/gone_with_theirs"},
		{"forgets the quarantine", "Quarantine/seen_by_all"},
		{"keeps the quarantine", "Quarantine/seen_by_all"},
		{"commits what failed", "Quarantine/undone"},
		{"raises agents alone", "Quarantine/epochs"},
		{"commits what failed", "Update/all_or_nothing"},
		{"wraps errors", "Update/all_or_nothing"},
		{"removes nothing", "Update/all_or_nothing"},
		{"needs no event", "Update/an_event_is_required"},
		{"does not see itself", "Update/what_is_seen_when"},
		{"ignores contexts", "Update/ended_context"},
		{"stops at the end of the context", "Update/carried_through"},
		{"swallows panics", "Update/panic"},
		{"removes nothing", "Update/end_of_the_goroutine"},
		{"lives on", "Update/kept_beyond_its_end"},
		{"a moving picture", "View/one_picture"},
		{"wraps errors", "View/the_error_as_it_is"},
		{"answers and does nothing", "View/nobody_waits_for_readers"},
		{"fails under load", "View/many_at_once"},
		{"keeps one event", "Audit/one_chain_for_all_handles"},
		{"breaks the chain", "Audit/one_chain_for_all_handles"},
		{"removes an entry", "Audit/one_chain_for_all_handles"},
		{"entries from", "Audit/entries_after"},
		{"another clock", "Audit/time"},
		{"sees its own entries", "Audit/own_entries_are_not_there_yet"},
		{"tells one version", "Version/changes"},
		{"tells one version", "Version/undone"},
		{"tells a new version each time", "Version/aside"},
		{"cuts one more", "Cut/removed_and_recorded"},
		{"cuts one more", "Cut/all_but_the_record"},
		{"cuts without a record", "Cut/needs_its_record"},
		{"commits what failed", "Cut/rolled_back"},
		{"cuts up to what is there", "Cut/no_such_entry"},
		{"removes an entry", "Cut/beside_others"},
		{"answers and does nothing", "Concurrent/handles_lose_nothing"},
		{"answers and does nothing", "Concurrent/goroutines_lose_nothing"},
		{"answers and does nothing", "Concurrent/each_its_own_fate"},
		{"answers and does nothing", "Concurrent/waiting_can_be_ended"},
		{"each handle has its id", "Concurrent/same_id"},
		{"Close ends what runs", "Close/finishes_what_runs"},
		{"begins anew", "Close/the_store_stays"},
		{"goes on after Close", "Close/afterwards"},
		{"Close closes all", "Close/leaves_others_alone"},
	} {
		t.Run(tt.test+" "+tt.fault, func(t *testing.T) {
			printed := failures(t, "faulty", func(t *testing.T) {
				storetest.Run(t, func(t *testing.T) func() store.Store {
					if t.Name() != "faulty/"+tt.test {
						t.SkipNow()
					}
					return places(tt.fault)(t)
				})
			})
			if !strings.Contains(printed, "--- FAIL: faulty/"+tt.test+" ") {
				t.Errorf("a store that %s passes\n%s", tt.fault, printed)
			}
		})
	}
}

// faultVariable tells a child process which fault its store has.
const faultVariable = "STORETEST_FAULT"

// TestRunProcesses_findsFaults does the same with several processes.
func TestRunProcesses_findsFaults(t *testing.T) {
	run := func(t *testing.T) {
		fault := os.Getenv(faultVariable)
		storetest.RunProcesses(t, func(t *testing.T, dir string) store.Store {
			path := filepath.Join(dir, "agents.db")
			child := os.Getenv("STORETEST_ROLE") != ""
			switch {
			case fault == "a store for each process":
				path = filepath.Join(dir, fmt.Sprint(os.Getpid(), ".db"))
			case fault == "children fail" && child:
				t.Fatal("as it should")
			}
			return open(t, path, fault, &state{})
		})
	}
	if os.Getenv(faultVariable) != "" { // a child
		run(t)
		return
	}
	for fault, fails := range map[string][]string{
		"a store for each process": {"first_start", "lose_nothing", "kill"},
		"answers and does nothing": {"lose_nothing", "kill", "kill_while_entries_are_removed"},
		"by halves":                {"lose_nothing", "kill"},
		"children fail":            {"first_start", "lose_nothing", "kill"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Setenv(faultVariable, fault)
			printed := failures(t, "TestRunProcesses_findsFaults", run)
			for _, test := range fails {
				if !strings.Contains(printed, "--- FAIL: TestRunProcesses_findsFaults/"+test+" ") {
					t.Errorf("%s passes for a store with the fault: %s\n%s", test, fault, printed)
				}
			}
		})
	}
}
