package authority

import (
	"slices"
	"strings"
)

// managementPrefix starts the scopes of the management API, which agents never
// get.
const managementPrefix = "internal_"

// maxScope bounds what a token says of scopes: a token travels in a header.
const maxScope = 4 << 10

// grant is what the token gives: of the scopes that were asked for those that
// the subject has, and audiences that it may have.
func (i *Issuer) grant(s subject, l Login) (scope string, audiences []string, err error) {
	var scopes []string
	for _, asked := range l.Scopes {
		if s.may(asked) && !slices.Contains(scopes, asked) {
			scopes = append(scopes, asked)
		}
	}
	if scope = strings.Join(scopes, " "); len(scope) > maxScope {
		return "", nil, refuse(BadScope, "the scopes that it asks for are too long for one token")
	}
	for _, asked := range l.Audiences {
		if !slices.Contains(s.audience, asked) || (s.agent && asked == i.ManagementAudience()) {
			return "", nil, refuse(BadTarget, "%.200q is not an audience that it may ask for", asked)
		}
		if !slices.Contains(audiences, asked) {
			audiences = append(audiences, asked)
		}
	}
	if len(audiences) == 0 {
		audiences = s.audience[:1:1]
	}
	return scope, audiences, nil
}

// may reports whether the subject has the scope. Agents have what they were
// given by name or by role, and nothing of the management API; only a management client
// can have everything.
func (s subject) may(scope string) bool {
	if s.agent {
		return slices.Contains(s.scopes, scope) && !forManagement(scope)
	}
	return slices.Contains(s.scopes, scope) || slices.Contains(s.scopes, AllScopes)
}

// forManagement reports whether a scope is one of the management API, or stands
// for all of them.
func forManagement(scope string) bool {
	return strings.HasPrefix(scope, managementPrefix) || scope == AllScopes
}
