package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

const (
	// minRetention is the shortest that can be meant: what is looked into after
	// an incident is older.
	minRetention = time.Hour
	// pruneEvery is how often serve looks for what is old.
	pruneEvery = time.Hour
)

// retain removes what is older than --audit-retention, at the start and every
// hour. What is to be copied to the audit log stays until it is. The function
// that it returns ends it, after the batch that runs.
func retain(ctx context.Context, cfg serveConfig, rules *authority.Authority, log *slog.Logger) (stop func()) {
	if cfg.auditKeep == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			pruneOld(ctx, cfg, rules, log)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pruneEvery):
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func pruneOld(ctx context.Context, cfg serveConfig, rules *authority.Authority, log *slog.Logger) {
	copied, err := shippedPlace(cfg.database, rules.StoreID())
	if cfg.auditLog != "" && copied.Log != cfg.auditLog {
		copied = place{Log: cfg.auditLog} // to which nothing was copied yet
	}
	var did authority.Pruned
	if err == nil {
		old := time.Now().Add(-cfg.auditKeep)
		did, err = rules.PruneAudit(ctx, self, authority.Prune{Before: old, Through: copied.through()})
	}
	if did.Removed > 0 {
		log.Info("the audit was cut", "removed", did.Removed, "first", did.Kept, "older_than", cfg.auditKeep.String())
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.Error("the audit could not be cut", "error", err.Error())
	case did.Held:
		log.Warn("old entries of the audit stay", "error", copied.held().Error())
	}
}
