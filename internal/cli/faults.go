package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/spf13/pflag"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/fault"
)

// faultFlag has no environment variable: a server must not break because of
// what somebody left there.
func faultFlag(f *pflag.FlagSet, rules *[]string) {
	f.StringArrayVar(rules, "fault", nil, "break requests by this `rule`, to rehearse; more than one is possible")
	f.Lookup("fault").Annotations = map[string][]string{byHand: {}}
}

// checkFaults keeps faults away from servers that others could depend on.
func checkFaults(s settings, cfg *serveConfig) error {
	if len(s.Fault) == 0 {
		return nil
	}
	local, _ := loopback(s.Listen) // looked at before
	switch {
	case !local || s.BehindTLSProxy || len(s.TrustedProxy) > 0:
		return badFault(s.Fault[0], errors.New("faults are for rehearsals on this machine: --listen must be a loopback address, and there can be no proxy"))
	case strings.Contains(s.Database, "://"):
		return badFault(s.Fault[0], errors.New("faults are for rehearsals: they go with a sqlite file, never with a database that other servers use"))
	}
	for _, text := range s.Fault {
		rule, err := fault.Parse(text)
		if err != nil {
			return badFault(text, err)
		}
		cfg.faults = append(cfg.faults, rule)
	}
	return nil
}

// badFault shows what a rule looks like.
func badFault(rule string, err error) error {
	return &hinted{
		error: fmt.Errorf("--fault %q: %w", rule, err),
		hint:  "give a rule as " + fault.Form + "; serve --help has all words",
		code:  exitUsage,
	}
}

// announceFaults says what is going to happen, in the log and in the audit.
func announceFaults(ctx context.Context, cfg serveConfig, rules *authority.Authority, log *slog.Logger) error {
	if len(cfg.faults) == 0 {
		return nil
	}
	var texts []string
	for _, rule := range cfg.faults {
		texts = append(texts, rule.String())
	}
	log.Warn("this server misbehaves on purpose: do not depend on it", "faults", texts)
	return rules.NoteFaults(ctx, self, texts)
}

// ready is what /readyz says: who looks there learns of the faults.
func ready(cfg serveConfig) string {
	if len(cfg.faults) > 0 {
		return "ok faults"
	}
	return ""
}

// faulty puts the faults before a handler. What operators look at stays as it is.
func faulty(cfg serveConfig, next http.Handler, log *slog.Logger) http.Handler {
	if len(cfg.faults) == 0 {
		return next
	}
	return fault.New(fault.Config{
		Rules: cfg.faults, Spare: []string{api.PathHealth, api.PathReady, api.PathMetrics}, Logger: log,
	}, next)
}
