package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// maxText bounds a text: WSO2's store keeps 1,024 characters of a claim.
const maxText = 1024

// manner is the kind of request that a change comes from.
type manner int

const (
	creating  manner = iota // POST: read-only members are ignored, some are only here
	replacing               // PUT: read-only members are ignored
	patching                // PATCH: read-only members are refused
)

// change is what a request asks of an agent.
type change struct {
	authority.AgentChange
	profile *Profile
	manner  manner
	id      string // of the agent; "" when creating

	coreName    *string // displayName of the core, where the agent schema has none
	userName    string
	userServing bool
	noSecret    bool
}

// members takes the members of an object: the whole agent, or of one schema.
func (c *change) members(schema string, members map[string]json.RawMessage, add bool) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		v := value{named: name, add: add, raw: members[name]}
		p := parsePath(name)
		if schema != "" {
			v.named, p = schema+":"+name, attrPath{schema, name}
		}
		if err := c.set(p, v); err != nil {
			return err
		}
	}
	return nil
}

// set takes one attribute, or one whole extension.
func (c *change) set(p attrPath, v value) error {
	if p.isSchema() && c.profile.has(p.schema) {
		return c.setSchema(p.schema, v)
	}
	a, ok := c.profile.find(p)
	switch {
	case !ok && c.profile.lax && c.manner != patching:
		return nil
	case !ok && c.manner == patching:
		return invalid(api.TypeInvalidPath, "The attribute %q is not known for agents.", v.named)
	case !ok:
		return invalid(api.TypeInvalidSyntax, "The attribute %q is not known for agents.", v.named)
	case a.set != nil:
		return a.set(c, v)
	case c.manner == patching:
		return immutable(v.named)
	default:
		return nil
	}
}

// setSchema takes a whole extension. Members that are not in the value stay as
// they are (RFC 7644 §3.5.2.3).
func (c *change) setSchema(schema string, v value) error {
	if v.gone() {
		return c.clear(schema)
	}
	var members map[string]json.RawMessage
	if err := v.read(&members, "an object"); err != nil {
		return err
	}
	return c.members(schema, members, v.add)
}

// clear removes all that a schema has. It does not reinstate a revoked agent:
// that must be asked for by name.
func (c *change) clear(schema string) error {
	if c.manner != patching {
		return nil // as if absent
	}
	for _, a := range c.profile.attributes {
		if a.schema != schema || a.set == nil || slices.Contains([]string{"IsUserServingAgent", "revokedAt", "secret"}, a.name) {
			continue
		}
		if err := a.set(c, value{named: schema + ":" + a.name, remove: true}); err != nil {
			return err
		}
	}
	if schema == api.SchemaWSO2Agent {
		c.Attributes, c.OnlyThese = nil, true
	}
	return nil
}

// finish is what the whole request asks for: in a PUT, what it does not name
// is removed, but for what blocks the agent and for our extension, which
// clients of WSO2 do not know.
func (c *change) finish() authority.AgentChange {
	if c.DisplayName == nil {
		c.DisplayName = c.coreName
	}
	if c.manner != replacing {
		return c.AgentChange
	}
	c.OnlyThese = true
	for _, field := range []**string{&c.DisplayName, &c.Description, &c.Owner, &c.ExternalID} {
		if *field == nil {
			*field = new(string)
		}
	}
	return c.AgentChange
}

func immutable(name string) error {
	return invalid(api.TypeMutability, "Attribute %s cannot be modified.", name)
}

func ignored(*change, value) error { return nil }

// words makes the setter of a text.
func words(field func(*change) **string) func(*change, value) error {
	return func(c *change, v value) error {
		text := new(string)
		if !v.gone() {
			if err := v.read(text, "a string"); err != nil {
				return err
			}
			if err := checkText(v.named, *text); err != nil {
				return err
			}
		}
		*field(c) = text
		return nil
	}
}

// truth makes the setter of a boolean; without is what it is when removed.
func truth(field func(*change) **bool, without bool) func(*change, value) error {
	return func(c *change, v value) error {
		b := api.Bool(without)
		if !v.gone() {
			if err := v.read(&b, "true or false"); err != nil {
				return err
			}
		}
		*field(c) = (*bool)(&b)
		return nil
	}
}

// list makes the setter of a set of words.
func list(field func(*change) (replaced **[]string, added *[]string), check func(string) string) func(*change, value) error {
	return func(c *change, v value) error {
		given := []string{}
		if strings.HasPrefix(string(v.raw), `"`) { // RFC 7644 §3.5.2.1 adds a single value so
			v.raw = slices.Concat([]byte("["), v.raw, []byte("]"))
		}
		if !v.gone() {
			if err := v.read(&given, "a list of strings"); err != nil {
				return err
			}
		}
		for _, word := range given {
			if why := check(word); why != "" {
				return invalid(api.TypeInvalidValue, "%s cannot have %q: %s.", v.named, word, why)
			}
		}
		replaced, added := field(c)
		if v.add && !v.gone() {
			*added = append(*added, given...)
			return nil
		}
		*replaced, *added = &given, nil
		return nil
	}
}

func setUserName(c *change, v value) error {
	if v.gone() {
		return immutable(v.named)
	}
	if err := v.read(&c.userName, "a string"); err != nil {
		return err
	}
	switch {
	case c.manner == creating && strings.Contains(c.userName, "/"):
		// WSO2 has its words in the type, by a slip that clients may know.
		return invalid("Agent username cannot contain domain name or be null.",
			"Request is unparsable, syntactically incorrect, or violates schema.")
	case c.manner != creating && c.userName != api.UserNamePrefix+c.id:
		return immutable("userName")
	}
	return nil
}

func setPassword(c *change, v value) error {
	var password secret.Text
	if !v.gone() {
		if err := v.read(&password, "a string"); err != nil {
			return err
		}
	}
	if password.IsZero() && c.manner == patching {
		return invalid(api.TypeInvalidValue, "A password cannot be removed; revoke the secrets of the agent instead.")
	}
	c.Password = password
	return nil
}

// setUserServing takes WSO2's flag, which only a create knows.
func setUserServing(c *change, v value) error {
	switch {
	case c.manner == patching:
		return immutable(v.named)
	case c.manner == replacing || v.gone():
		return nil
	}
	return v.read(&c.userServing, "true or false")
}

// setFurther takes an attribute that the tenant added. A number or a boolean
// is kept as its JSON text.
func setFurther(name string) func(*change, value) error {
	return func(c *change, v value) error {
		if c.Attributes == nil {
			c.Attributes = map[string]*string{}
		}
		for known := range c.Attributes {
			if strings.EqualFold(known, name) {
				delete(c.Attributes, known)
			}
		}
		if v.gone() {
			c.Attributes[name] = nil
			return nil
		}
		text := string(v.raw)
		switch text[0] {
		case '{', '[':
			return invalid(api.TypeInvalidValue, "%s must be a string.", v.named)
		case '"':
			if err := v.read(&text, "a string"); err != nil {
				return err
			}
		}
		c.Attributes[name] = &text
		return checkText(v.named, text)
	}
}

// setRevokedAt reinstates: removing the mark is all that can be done to it.
func setRevokedAt(c *change, v value) error {
	switch {
	case c.manner != patching:
		return nil
	case !v.gone():
		return immutable(v.named)
	}
	c.Reinstate = true
	return nil
}

// setSecret takes the wish for an agent without a secret.
func setSecret(c *change, v value) error {
	if c.manner != creating {
		return immutable(v.named)
	}
	if v.gone() {
		return nil
	}
	var wish string
	if err := v.read(&wish, "a string"); err != nil {
		return err
	}
	if wish != api.SecretNone {
		return invalid(api.TypeInvalidValue, "%s can only be %q.", v.named, api.SecretNone)
	}
	c.noSecret = true
	return nil
}

func checkText(name, text string) error {
	if n := utf8.RuneCountInString(text); n > maxText {
		return invalid(api.TypeInvalidValue, "%s has %d characters; %d are possible.", name, n, maxText)
	}
	if strings.ContainsRune(text, 0) {
		return invalid(api.TypeInvalidValue, "%s has a NUL character.", name)
	}
	return nil
}

// checkScope says why a word is not a scope (RFC 6749 §3.3), "" when it is.
func checkScope(word string) string {
	if why := checkAudience(word); why != "" {
		return why
	}
	for _, r := range word {
		if r <= ' ' || r >= 0x7f || r == '"' || r == '\\' {
			return "a scope has neither spaces, quotes, backslashes nor characters outside ASCII"
		}
	}
	return ""
}

func checkAudience(word string) string {
	if word == "" || utf8.RuneCountInString(word) > maxText || strings.ContainsRune(word, 0) {
		return "it must have 1 to 1024 characters and no NUL"
	}
	return ""
}

func checkMethod(word string) string {
	if methods := api.AuthMethods(); !slices.Contains(methods, word) {
		return "it must be one of " + strings.Join(methods, ", ")
	}
	return ""
}
