package cli

import (
	"cmp"
	"errors"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// profile is the product that serve behaves like: everything that depends on it
// stands here.
type profile struct {
	wire       server.Profile
	rules      authority.Rules
	maxSecrets int    // of an agent; 0: as --max-secrets says
	perMinute  int    // requests of one address; 0: no limit
	keys       bool   // agents may have keys and certificates
	issuer     string // what the issuer has behind the base URL
	alg        string // of new signing keys, unless --signing-alg says another
}

// profiles are all there are. What Asgardeo allows in a minute is in its
// documentation of rate limits; its issuer is its token URL; it signs with RSA,
// which is all that its SDK verifies.
func profiles() []profile {
	return []profile{
		{wire: server.Reference(), keys: true, alg: authority.Algorithms[0]},
		{
			wire:       server.Asgardeo(),
			rules:      authority.Rules{OnlyLocks: true, AgentsByApp: true, AnyPermission: true, Password: secret.GenerateAsgardeo},
			maxSecrets: 1,
			perMinute:  200,
			issuer:     "/oauth2/token",
			alg:        "RS256",
		},
	}
}

func checkProfile(s settings, cfg *serveConfig) error {
	var names []string
	for _, p := range profiles() {
		if p.wire.Name() == s.Profile {
			cfg.profile, cfg.alg = p, cmp.Or(s.SigningAlg, p.alg)
			if p.maxSecrets != 0 {
				cfg.maxSecrets = p.maxSecrets
			}
		}
		names = append(names, p.wire.Name())
	}
	if cfg.profile.wire.Name() == "" {
		return badValue("profile", s.Profile, errors.New(strings.Join(names, " and ")+" are possible"))
	}
	switch {
	case s.RateLimit < 0:
		cfg.rateLimit = cfg.profile.perMinute
	default:
		cfg.rateLimit = s.RateLimit
	}
	return nil
}
