package server

import (
	"net/http"
	"regexp"
	"slices"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// addition is what a request for a new secret, key or certificate says of the
// new one's end and of the others.
type addition struct {
	expires  int64
	previous *authority.Retire
	revoke   []string
	idName   string // how the request names ids: "secretId"
}

// rotation checks the shape of it, and reads the preconditions.
func (c *call) rotation(how addition) (authority.Rotation, error) {
	n := authority.Rotation{AgentID: c.PathValue("id"), Expires: how.expires, Previous: how.previous, Revoke: how.revoke}
	if err := checkEpoch("expiresAt", how.expires); err != nil {
		return n, err
	}
	if slices.Contains(how.revoke, "") {
		return n, invalid(api.TypeInvalidValue, "revoke names others by their ids; one of them is empty.")
	}
	if p := how.previous; p != nil {
		if p.ID == "" || p.Expires <= 0 {
			return n, invalid(api.TypeInvalidValue, "previous needs a %s and an expiresAt, in seconds since 1970.", how.idName)
		}
		if err := checkEpoch("previous.expiresAt", p.Expires); err != nil {
			return n, err
		}
	}
	var err error
	n.Latest, err = latest(c.Header)
	return n, err
}

// newEnd is the expiry that a PATCH asks for.
func newEnd(expiresAt *int64) (int64, error) {
	if expiresAt == nil {
		return 0, invalid(api.TypeInvalidValue, "expiresAt is required, in seconds since 1970; 0 means never.")
	}
	return *expiresAt, checkEpoch("expiresAt", *expiresAt)
}

// etag is the one form of an entity tag that is understood: strong, and one.
var etag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^"([^"\\,]+)"$`) })

// latest reads what the caller takes for the newest of its kind that the agent
// has: its id in If-Match, or none yet in "If-None-Match: *". nil: the caller does not
// care. A form that would mean something else is refused and not guessed at.
func latest(h http.Header) (*string, error) {
	match, none := h.Values("If-Match"), h.Values("If-None-Match")
	switch {
	case len(match)+len(none) == 0:
		return nil, nil //nolint:nilnil // nil means: do not care
	case len(match)+len(none) > 1:
		return nil, invalid(api.TypeInvalidValue, "Only one of If-Match and If-None-Match is possible, once.")
	case len(none) == 1 && none[0] == "*":
		return new(string), nil
	case len(none) == 1:
		return nil, invalid(api.TypeInvalidValue, `If-None-Match can only be *: the agent must have none yet.`)
	}
	found := etag().FindStringSubmatch(match[0])
	if found == nil {
		return nil, invalid(api.TypeInvalidValue, `If-Match must be the id of the agent's newest one in double quotes, and nothing else: neither *, nor a list, nor W/.`)
	}
	return &found[1], nil
}

// maxEpoch is the last second of the year 9999, the last one that RFC 3339 can
// write.
const maxEpoch = 253402300799

func checkEpoch(name string, seconds int64) error {
	if seconds < 0 || seconds > maxEpoch {
		return invalid(api.TypeInvalidValue, "%s must be in seconds since 1970, and not after the year 9999.", name)
	}
	return nil
}
