package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// chosenScopes are the scopes of flags and sets, all known.
func chosenScopes(scopes, sets []string) ([]string, error) {
	known := api.ScopeSets()
	var all, names, chosen []string
	for _, set := range known {
		all, names = append(all, set.Scopes...), append(names, set.Name)
		if slices.Contains(sets, set.Name) {
			chosen = append(chosen, set.Scopes...)
		}
	}
	for _, set := range sets {
		if !slices.Contains(names, set) {
			return nil, badScope("scope-set", set, names)
		}
	}
	for _, scope := range scopes {
		if !slices.Contains(all, scope) {
			return nil, badScope("scope", scope, all)
		}
		chosen = append(chosen, scope)
	}
	if len(chosen) == 0 {
		return nil, usage(errors.New("--scope or --scope-set is needed: a client without scopes can do nothing"))
	}
	return chosen, nil
}

func badScope(flag, value string, known []string) error {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	return &hinted{
		error: fmt.Errorf("--%s %q: there is none of that name", flag, value),
		hint:  "one of " + strings.Join(known, ", "),
		code:  exitUsage,
	}
}

func describeSets() string {
	var b strings.Builder
	for _, set := range api.ScopeSets() {
		fmt.Fprintf(&b, "  %-11s %s:\n              %s\n", set.Name, set.What, strings.Join(set.Scopes, "\n              "))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
