package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// place is how far the audit was copied to a log.
type place struct {
	Log string `json:"log"`
	api.AuditCheckpoint
}

// resume goes on where it ended, if the chain still has that entry.
func (s *shipper) resume(ctx context.Context) error {
	var kept place
	text, err := os.ReadFile(s.kept)
	if err == nil {
		_ = json.Unmarshal(text, &kept) // what cannot be read is no place to go on from
	}
	if kept.Log == s.at.Log && kept.StoreID == s.rules.StoreID() && kept.Seq > 0 {
		page, err := s.rules.AuditEvents(ctx, authority.AuditQuery{After: kept.Seq - 1, Limit: 1})
		if err != nil {
			return err
		}
		if len(page) == 1 && page[0].Seq == kept.Seq && page[0].Hash == kept.Hash {
			s.at = kept
			return nil
		}
	}
	s.at.StoreID = s.rules.StoreID()
	return nil
}

// keep remembers how far it got. When that is lost, entries come twice.
func (s *shipper) keep() error {
	text, err := api.Encode(s.at)
	if err == nil {
		err = os.WriteFile(s.kept+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(s.kept+".new", s.kept)
	}
	if err != nil {
		return fmt.Errorf("remember how far the audit log got: %w", err)
	}
	return nil
}
