package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestErrorIs: which refusals are which sentinels, and no others.
func TestErrorIs(t *testing.T) {
	sentinels := map[string]error{
		"NotFound": api.ErrNotFound, "Unauthorized": api.ErrUnauthorized, "Forbidden": api.ErrForbidden,
		"Exists": api.ErrExists, "Limit": api.ErrLimit, "UsedID": api.ErrUsedID, "Blocked": api.ErrBlocked,
		"Dead": api.ErrDead, "Stale": api.ErrStale, "RateLimited": api.ErrRateLimited,
	}
	for _, tt := range []struct {
		err  *api.Error
		want string
	}{
		{&api.Error{Status: 404, SCIM: true}, "NotFound"},
		{&api.Error{Status: 404, Code: api.CodeNoSecret}, "NotFound"},
		{&api.Error{Status: 401}, "Unauthorized"},
		{&api.Error{Status: 403, Code: api.CodeForbidden}, "Forbidden"},
		{&api.Error{Status: 409, ScimType: api.TypeUniqueness}, "Exists"},
		{&api.Error{Status: 409, ScimType: api.TypeRevoked}, ""},
		{&api.Error{Status: 409, Code: api.CodeLimit}, "Limit"},
		{&api.Error{Status: 409, Code: api.CodeUsedID}, "UsedID"},
		{&api.Error{Status: 409, Code: api.CodeBlocked}, "Blocked"},
		{&api.Error{Status: 409, Code: api.CodeDead}, "Dead"},
		{&api.Error{Status: 409}, ""},
		{&api.Error{Status: 412, Code: api.CodeStale}, "Stale"},
		{&api.Error{Status: 412}, "Stale"},
		{&api.Error{Status: 429}, "RateLimited"},
		{&api.Error{Status: 500}, ""},
	} {
		for name, sentinel := range sentinels {
			if got := errors.Is(fmt.Errorf("rotate: %w", tt.err), sentinel); got != (name == tt.want) {
				t.Errorf("errors.Is(%+v, Err%s) = %v", tt.err, name, got)
			}
		}
		if errors.Is(tt.err, errors.ErrUnsupported) {
			t.Errorf("%v is an error of another kind", tt.err)
		}
	}
}

// TestGone: only a 404 in the server's own words says that something is gone.
func TestGone(t *testing.T) {
	for _, tt := range []struct {
		err  api.Error
		want bool
	}{
		{api.Error{Status: 404, SCIM: true}, true},
		{api.Error{Status: 404, Code: api.CodeNoAgent}, true},
		{api.Error{Status: 404, Code: api.CodeNoSecret}, true},
		{api.Error{Status: 404, Code: api.CodeNoRoute}, false},
		{api.Error{Status: 404, Message: "nginx"}, false},
		{api.Error{Status: 410, SCIM: true}, false},
		{api.Error{Status: 403, SCIM: true}, false},
	} {
		if got := tt.err.Gone(); got != tt.want {
			t.Errorf("Gone of %+v = %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, err := range map[string]*api.Error{
		"the server answered 500":                       {Status: 500},
		"the server answered 409 (taken)":               {Status: 409, Message: "taken"},
		"the server answered 500 (oops), trace id 0123": {Status: 500, Message: "oops", TraceID: "0123"},
		"the server answered 503, trace id 0123":        {Status: 503, TraceID: "0123"},
		"the server answered 412 (x)":                   {Status: 412, Code: api.CodeStale, Message: "x"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	}
}

// TestPaths: an id cannot leave its place in a path.
func TestPaths(t *testing.T) {
	const evil = "../x?a=b#c/d%2F "
	for got, patterns := range map[string]string{
		api.PathAgent(evil):        "/scim2/Agents/{}",
		api.PathSecrets(evil):      "/api/server/v1/agents/{}/secrets",
		api.PathSecret(evil, evil): "/api/server/v1/agents/{}/secrets/{}",
		api.PathRevoke(evil):       "/api/server/v1/agents/{}/revoke",
	} {
		if want := strings.ReplaceAll(patterns, "{}", "..%2Fx%3Fa=b%23c%2Fd%252F%20"); got != want {
			t.Errorf("path = %s, want %s", got, want)
		}
	}
}
