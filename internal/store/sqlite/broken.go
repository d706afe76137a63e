package sqlite

import (
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// unsynced reports whether the system could not make durable what was written.
func unsynced(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_IOERR_FSYNC || c == sqlite3.SQLITE_IOERR_DIR_FSYNC
}

// brake ends all writing until the store is opened again, and returns what the
// callers of the commit are told whose sync failed. After a failed fsync the
// system may take what it could not write for written, so that the next fsync
// says nothing of it (the "fsyncgate" of 2018). SQLite would go on. The frames
// of the commit are in the log; nobody sees them, and a start after a crash may
// find them whole.
func (s *Store) brake(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = fmt.Errorf("%w: the disk failed to keep an earlier change; see what is wrong with it, and start what uses the database again (%w)",
		store.ErrReadOnly, err)
	return fmt.Errorf("%w: the disk failed; look for the change when what uses the database was started again (%w)", store.ErrUnsure, err)
}

// Broken is why nothing is written any more: nil while nothing is known, else
// an error that wraps store.ErrReadOnly. It stays until the store is opened
// again; reading goes on.
func (s *Store) Broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		return nil
	}
	return fmt.Errorf("write the database %s: %w", s.path, s.broken)
}
