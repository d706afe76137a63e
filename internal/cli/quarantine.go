package cli

import (
	"context"
	"log/slog"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// announceQuarantine tells why nobody can log in.
func announceQuarantine(ctx context.Context, rules *authority.Authority, log *slog.Logger) error {
	q, closed, err := rules.Quarantined(ctx)
	if closed {
		log.Warn("the store came from a backup and is quarantined: nobody can log in, and management calls are answered by 503, until restore --accept",
			"since", q.Since)
	}
	return err
}
