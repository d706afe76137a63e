package sqlite

import (
	"errors"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// TestVersions_others: whatever another connection commits, and whenever, the
// next update builds on it and counts as a change of everything; what it does
// not commit is no change.
func TestVersions_others(t *testing.T) {
	path := newPath(t)
	s, second := openWith(t, path, seams{settings: "&_pragma=wal_autocheckpoint(1)"}), openWith(t, path, seams{})
	db, err := open(path, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	other, err := connect(db, writing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.release)
	runs := func(statements string) func() error { return func() error { return other.script(statements) } }
	commits := func() error { return second.Update(t.Context(), nothing) }
	refused := errors.New("refused")

	// update returns the count of all changes that it finds.
	update := func(what string, end error) (all uint64) {
		t.Helper()
		err := s.Update(t.Context(), func(st store.Tx) ([]audit.Event, error) {
			work := st.(*tx) //nolint:errcheck,forcetypeassert // it is ours
			head, err := work.c.head()
			if err != nil {
				return nil, err
			}
			if work.group.head.Seq != head.Seq || work.group.head.Hash != head.Hash {
				t.Errorf("after %s it builds on entry %d, the last is %d", what, work.group.head.Seq, head.Seq)
			}
			all = work.group.versions.all
			return one, end
		})
		if !errors.Is(err, end) {
			t.Fatalf("after %s Update = %v", what, err)
		}
		return all
	}
	update("nothing", nil)
	for _, act := range []struct {
		what    string
		do      func() error
		changes bool
	}{
		{"nothing", func() error { return nil }, false},
		{"a commit", commits, true},
		{"two commits", func() error { return errors.Join(commits(), commits()) }, true},
		{"a rollback", runs("BEGIN IMMEDIATE; UPDATE meta SET value = value; ROLLBACK"), false},
		{"a commit, and the log written back", func() error {
			return errors.Join(commits(), runs("PRAGMA wal_checkpoint(TRUNCATE)")(), commits())
		}, true},
		{"VACUUM", runs("VACUUM"), true},
		{"another schema, and back", runs("CREATE TABLE other (a); DROP TABLE other"), true},
		{"a commit that its own look at the log finds", func() error {
			return errors.Join(commits(), s.writer.script("PRAGMA wal_checkpoint"))
		}, true},
		{"a commit just before it keeps in mind what it knows", func() error {
			err := commits()
			s.writer.know(s.writer.known.head)
			return err
		}, true},
		{"a commit, and a new connection", func() error {
			err := commits()
			s.writer.discard()
			s.writer = nil
			return err
		}, true},
	} {
		for _, end := range []error{nil, refused} { // how the update before ended, and the one after
			before := update("nothing", end)
			if err := act.do(); err != nil {
				t.Fatalf("%s: %v", act.what, err)
			}
			if after := update(act.what, end); (after != before) != act.changes {
				t.Errorf("after %s all changes are %d, were %d", act.what, after, before)
			}
		}
	}
}
