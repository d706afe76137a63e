package sqlite

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

// dump1 is a store in format 1, written down once. It is never edited: who has
// such a file must be able to read it for ever.
//
//go:embed testdata/format1.sql
var dump1 string

// restore makes a database of a dump.
func restore(t *testing.T, dump string) (path string) {
	t.Helper()
	path = newPath(t)
	db, err := open(path, "mode=rwc")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(dump); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFormat1(t *testing.T) {
	s, err := Open(t.Context(), Config{Path: restore(t, dump1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if want := "6f0c2a9e-3d1b-4c58-9a77-0e5b8d21f4c3"; s.ID() != want {
		t.Errorf("ID = %s, want %s", s.ID(), want)
	}
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment.UTC()
	}
	const full, bare = "0b6f8a52-7f0e-4a55-8f0b-3f3c7f1f9a01", "c1d2e3f4-0a1b-4c2d-8e3f-405162738495"
	agents := []store.Agent{
		{
			ID: full, DisplayName: "Deploy Bot", Description: "Ships it; don't ask", Owner: "ann@example.com", ExternalID: "team/deploy",
			Attributes:  map[string]string{"Url": "https://bots.example/deploy", "Naïve": `"quoted" \ %`},
			UserServing: true, Inactive: true, Locked: true,
			Scopes: []string{"deploy", "read"}, Audiences: []string{"https://api.example"}, AuthMethods: []string{"secret"},
			OwnerToken: "owner-1", RevokedAt: at("2026-03-04T05:06:07.089012Z"), Epoch: 9007199254740993, LastSecret: 1772600767123,
			Created: at("2026-03-01T00:00:00.000001Z"), Modified: at("2026-03-04T05:06:07.089012Z"),
		},
		{ID: bare},
	}
	secrets := []store.Secret{
		{
			AgentID: full, ID: "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d", Digest: "sha256$2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
			Hint: "x7Qe", Creator: "local:ann@laptop", Created: 1772600767123,
			FirstUsed: at("2026-03-04T05:10:00Z"), LastUsed: at("2026-03-04T06:00:00.5Z"),
		},
		{
			AgentID: full, ID: "11112222-3333-4444-8555-666677778888", Digest: "sha256$fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
			Hint: "ab12", Creator: "admin", Created: 1772500000000, Expires: 1772700000, Retiring: true, Ends: 1775000000, Revoked: at("2026-03-04T05:06:07.089012Z"),
		},
	}
	events := []audit.Event{
		{Actor: "local:ann@laptop", Action: audit.StoreCreate, Outcome: audit.Done, Detail: map[string]string{"store_id": s.ID()}},
		{Actor: "local:ann@laptop", Action: audit.AgentCreate, AgentID: full, Outcome: audit.Done},
		{
			Actor: "admin", Action: audit.SecretRevoke, AgentID: full, Target: secrets[1].ID, Outcome: audit.Refused,
			Reason: "no <scope>", Detail: map[string]string{"a": "b", "ü": "\"\\"},
		},
	}
	if err := s.View(t.Context(), func(r store.Reader) error {
		page, err := r.Agents(store.Query{Limit: 9})
		all, err2 := r.Secrets([]string{full, bare}, 1772600000, 9)
		list, err3 := r.Entries(0, 9)
		if diff := cmp.Diff(agents, page.Agents); diff != "" {
			t.Errorf("agents (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string][]store.Secret{full: secrets}, all); diff != "" {
			t.Errorf("secrets (-want +got):\n%s", diff)
		}
		var got []audit.Event
		var last audit.Entry
		for _, e := range list {
			if err := e.Verify(last); err != nil {
				t.Error(err)
			}
			got, last = append(got, e.Event), e
		}
		if diff := cmp.Diff(events, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if want := at("2026-03-01T00:00:00Z"); list[0].Time != want {
			t.Errorf("the first entry is of %v, want %v", list[0].Time, want)
		}
		return errors.Join(err, err2, err3)
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		wantErr(t, "AddAgent", tx.AddAgent(store.Agent{ID: "new", ExternalID: "team/deploy"}), store.ErrExists)
		return one, errors.Join(tx.SetAgent(agents[0]), tx.SetSecret(secrets[0]), tx.AddAgent(store.Agent{ID: "new"}))
	}); err != nil {
		t.Error(err)
	}
}

// TestFormat1_unchanged: what a new store is made of is what was released.
func TestFormat1_unchanged(t *testing.T) {
	tables := func(path string) (all []string) {
		s := openWith(t, path, seams{migrations: migrations[:1]})
		var err error
		if e := s.writer.rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", nil, func(scan scan) error {
			var sql string
			err = scan(&sql)
			all = append(all, sql)
			return err
		}); e != nil {
			t.Fatal(e)
		}
		slices.Sort(all)
		return all
	}
	if diff := cmp.Diff(tables(restore(t, dump1)), tables(newPath(t))); diff != "" {
		t.Errorf("format 1 was changed, write a further migration (-released +now):\n%s", diff)
	}
}

func TestFormat_newer(t *testing.T) {
	path := newPath(t)
	s := openWith(t, path, seams{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := openWith(t, path, seams{})
	db, err := open(path, "mode=rw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 7"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	says := []string{path, fmt.Sprintf("was written by a newer version (format 7, this program knows %d): upgrade the provider", len(migrations))}
	// The new format is in the log as yet.
	_, err = Open(t.Context(), Config{Path: path})
	wantErr(t, "Open", err, store.ErrForeign, says...)
	wantErr(t, "View", old.View(t.Context(), func(store.Reader) error { return nil }), store.ErrForeign, says...)
	wantErr(t, "Update", old.Update(t.Context(), nothing), store.ErrForeign, says...)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Config{Path: path, Create: true})
	wantErr(t, "Open", err, store.ErrForeign, says...)
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file was changed: %v", err)
	}
	if left, _ := os.ReadDir(path[:len(path)-len("/agents.db")]); len(left) != 1 {
		t.Errorf("files were made: %v", left)
	}
}

// TestFormat_upgrade: of several that open an older store at once each finds
// it upgraded, once, with all that was in it.
func TestFormat_upgrade(t *testing.T) {
	path := restore(t, dump1)
	id := openWith(t, path, seams{migrations: migrations[:1]}).ID()
	newer := []string{migrations[0]}
	for i := range 3 {
		newer = append(newer, fmt.Sprintf("CREATE TABLE further%d (x) STRICT; INSERT INTO further%d VALUES (%d)", i, i, i))
	}
	newer[2] = "ALTER TABLE meta ADD COLUMN further TEXT"
	newer[1] = "UPDATE agents SET epoch = epoch + 1; CREATE TABLE counters (name TEXT, n INTEGER)" // which a list of agents looks at
	newer[3] = "UPDATE agents SET epoch = epoch + 1"
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := Open(t.Context(), Config{Path: path, seams: seams{migrations: newer}})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			if s.ID() != id {
				t.Errorf("ID = %s, want %s", s.ID(), id)
			}
		})
	}
	wg.Wait()
	s := openWith(t, path, seams{migrations: newer})
	if agents, entries := count(t, s); agents != 2 || entries != 3 {
		t.Errorf("%d agents and %d entries, want 2 and 3", agents, entries)
	}
	if got, err := s.writer.number("SELECT max(epoch) FROM agents"); err != nil || got != 9007199254740993+2 {
		t.Errorf("epoch %d, %v: want each migration once", got, err)
	}
	fresh := openWith(t, newPath(t), seams{migrations: newer})
	if err := fresh.Update(t.Context(), nothing); err != nil {
		t.Error(err)
	}
}

// TestFormat_upgradeFails: a step that fails leaves the store as it was.
func TestFormat_upgradeFails(t *testing.T) {
	path := restore(t, dump1)
	bad := []string{migrations[0], "DELETE FROM agents; INSERT INTO nowhere VALUES (1)"}
	_, err := Open(t.Context(), Config{Path: path, seams: seams{migrations: bad}})
	wantErr(t, "Open", err, nil, path, "migrate to format 2", "nowhere")
	_, err = Open(t.Context(), Config{Path: newPath(t), Create: true, seams: seams{migrations: bad}})
	wantErr(t, "Open of a new one", err, nil, "migrate to format 2")
	if agents, _ := count(t, openWith(t, path, seams{})); agents != 2 {
		t.Errorf("%d agents, want 2", agents)
	}
}

// TestFormat_expands: after a migration that only adds, programs of the format
// before go on, those that have the store open and those that come; one that takes
// away, or an older program, is told of the newer version. A quarantine is kept.
func TestFormat_expands(t *testing.T) {
	adds, takes := "CREATE TABLE more (n INTEGER PRIMARY KEY) STRICT", "ALTER TABLE agents RENAME TO people"
	before := seams{migrations: migrations}
	after := seams{migrations: append(slices.Clone(migrations), adds), expanding: map[int]bool{len(migrations) + 1: true}}
	last := seams{migrations: append(slices.Clone(after.migrations), takes), expanding: after.expanding}
	path := newPath(t)
	old := openWith(t, path, before)
	if err := old.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{{Action: audit.StoreQuarantine}}, tx.SetQuarantined(true)
	}); err != nil {
		t.Fatal(err)
	}
	fresh := newPath(t)
	openWith(t, fresh, after)
	openWith(t, path, after)
	for name, s := range map[string]*Store{"one that was there": old, "one that comes": openWith(t, path, before), "one that comes to a new store": openWith(t, fresh, before)} {
		if err := s.Update(t.Context(), nothing); err != nil {
			t.Errorf("%s: Update = %v", name, err)
		}
		if err := s.View(t.Context(), func(r store.Reader) error {
			if r.Quarantined() != (s.file == old.file) {
				t.Errorf("%s: Quarantined = %v", name, r.Quarantined())
			}
			return nil
		}); err != nil {
			t.Errorf("%s: View = %v", name, err)
		}
	}
	_, err := Open(t.Context(), Config{Path: path, seams: seams{migrations: migrations[:len(migrations)-1]}})
	wantErr(t, "Open by the program before", err, store.ErrForeign, "newer version")
	openWith(t, path, last)
	wantErr(t, "Update after a migration that takes away", old.Update(t.Context(), nothing), store.ErrForeign, "newer version")
	_, err = Open(t.Context(), Config{Path: path, seams: before})
	wantErr(t, "Open after it", err, store.ErrForeign, "newer version")
}

// TestFormat_leased: nobody changes the format under a server, which also a store
// of the same process is; not even by adding to it. When it ends, others do.
func TestFormat_leased(t *testing.T) {
	newer := seams{migrations: append(slices.Clone(migrations), "CREATE TABLE more (n INTEGER PRIMARY KEY) STRICT"), expanding: map[int]bool{len(migrations) + 1: true}}
	path := newPath(t)
	server := func(name string) *Store {
		s, err := Open(t.Context(), Config{Path: path, Create: true, Server: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	first, second := server("serve 1"), server("serve 2")
	for _, s := range []*Store{first, second} {
		_, err := Open(t.Context(), Config{Path: path, seams: newer})
		wantErr(t, "Open by a newer program", err, store.ErrBusy, path, "serve 2 (process ", "since 20")
		openWith(t, path, seams{}) // one of the same version is welcome
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	openWith(t, path, newer)
}
