package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// place is how far the audit was copied to a log.
type place struct {
	Log string `json:"log"` // "": it is not copied
	api.AuditCheckpoint
	file string
}

// shippedFile is where it is kept.
func shippedFile(database string) string { return beside(database) + ".audit-shipped" }

// shippedPlace reads how far the audit of a store was copied. A file that
// cannot be understood is a place before the first entry; one of another store
// says nothing of this one.
func shippedPlace(database, storeID string) (place, error) {
	at := place{file: shippedFile(database)}
	text, err := os.ReadFile(at.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return at, nil
	case err != nil:
		return at, fmt.Errorf("read how far the audit log got: %w", err)
	}
	switch known := json.Unmarshal(text, &at) == nil; {
	case !known:
		at.AuditCheckpoint, at.Log = api.AuditCheckpoint{}, "?"
	case at.StoreID != storeID:
		at.AuditCheckpoint, at.Log = api.AuditCheckpoint{}, ""
	}
	return at, nil
}

// through is the last entry that may be removed.
func (at place) through() int64 {
	if at.Log == "" {
		return math.MaxInt64
	}
	return at.Seq
}

// held says why old entries stay.
func (at place) held() error {
	return hint(fmt.Errorf("the entries after %d stay: they were not copied to the audit log %s yet", at.Seq, at.Log),
		"start serve with --audit-log %s; if nothing copies the audit there any more, remove %s", at.Log, at.file)
}

// resume goes on where it ended, if the chain still has that entry.
func (s *shipper) resume(ctx context.Context) error {
	kept, err := shippedPlace(s.database, s.rules.StoreID())
	if err == nil && kept.Log == s.at.Log && kept.Seq > 0 {
		page, err := s.rules.AuditEvents(ctx, authority.AuditQuery{After: kept.Seq - 1, Limit: 1})
		if err != nil {
			return err
		}
		if len(page) == 1 && kept.before(page[0]) {
			s.at = kept
			return nil
		}
	}
	s.at.StoreID = s.rules.StoreID()
	return s.keep() // before anything is copied nothing may be removed
}

// before reports whether it is the place of an entry, or the one before it,
// which was removed since.
func (at place) before(e authority.AuditEntry) bool {
	return e.Seq == at.Seq && e.Hash == at.Hash || e.Seq == at.Seq+1 && e.Prev == at.Hash
}

// keep remembers how far it got. When that is lost, entries come twice.
func (s *shipper) keep() error {
	file := shippedFile(s.database)
	text, err := api.Encode(s.at)
	if err == nil {
		err = os.WriteFile(file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return fmt.Errorf("remember how far the audit log got: %w", err)
	}
	return nil
}
