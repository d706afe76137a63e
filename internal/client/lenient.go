package client

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// asWritten is a body of a WSO2 server as its documentation would have it. What
// a tenant adds to agents, and what a version writes otherwise (a number where
// there was a text, null where there was nothing), must not make an agent
// unreadable. A body that is no object stays as it is.
func asWritten(body []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var m map[string]any
	if dec.Decode(&m) != nil {
		return body
	}
	if list, ok := m["Resources"].([]any); ok {
		for _, one := range list {
			if agent, ok := one.(map[string]any); ok {
				tidy(agent)
			}
		}
	} else {
		tidy(m)
	}
	for _, name := range []string{"totalResults", "itemsPerPage", "startIndex"} {
		if text, ok := m[name].(string); ok {
			m[name] = json.Number(text)
		}
	}
	if out, err := json.Marshal(m); err == nil {
		return out
	}
	return body
}

// tidy mends the members of an agent that are read.
func tidy(agent map[string]any) {
	if text, ok := agent["active"].(string); ok {
		agent["active"] = strings.EqualFold(text, "true")
	}
	if meta, ok := agent["meta"].(map[string]any); ok {
		for _, name := range []string{"created", "lastModified"} {
			meta[name] = instant(meta[name])
		}
	}
	if system, ok := agent[api.SchemaWSO2].(map[string]any); ok {
		if n, ok := system["lastPasswordUpdateTime"].(json.Number); ok {
			system["lastPasswordUpdateTime"] = n.String()
		}
	}
	if roles, ok := agent["roles"]; ok {
		agent["roles"] = rolesOf(roles)
	}
	profile, _ := agent[api.SchemaWSO2Agent].(map[string]any)
	for name, value := range profile {
		switch v := value.(type) {
		case nil:
			delete(profile, name)
		case string:
			if serves, err := strconv.ParseBool(v); err == nil && name == "IsUserServingAgent" {
				profile[name] = serves
			}
		case []any, map[string]any:
			// A tenant's own, as the list of channels to notify: its JSON text.
			text, _ := json.Marshal(v) // it was decoded just now
			profile[name] = string(text)
		}
	}
}

// rolesOf is a list of roles, of which each has texts: one may stand alone, and
// may be no more than a name.
func rolesOf(v any) []any {
	all, ok := v.([]any)
	if !ok {
		all = []any{v}
	}
	roles := []any{}
	for _, one := range all {
		switch role := one.(type) {
		case string:
			roles = append(roles, map[string]any{"display": role})
		case map[string]any:
			for name, member := range role {
				if _, text := member.(string); !text {
					delete(role, name)
				}
			}
			roles = append(roles, role)
		}
	}
	return roles
}

// instants are how a time may be written that is not as in RFC 3339.
var instants = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z0700"}

// instant is a time as RFC 3339 has it; without a zone it is UTC, and a number
// is in milliseconds. What is no time stays as it is, unless it is no text.
func instant(v any) any {
	text, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber {
		text, ok = n.String(), true
	}
	if !ok {
		return nil
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
	}
	for _, layout := range instants {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return text
}
