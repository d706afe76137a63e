package server

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// attribute is something that an agent has and that a request may name.
type attribute struct {
	schema string // "" is the core: members at the top
	name   string
	set    func(*change, value) error
}

// attributes are all of them, in any profile, but the further members of WSO2's agent schema.
// An attribute without a set is only read.
var attributes = []attribute{
	{"", "schemas", ignored},
	{"", "id", nil},
	{"", "meta", nil},
	{"", "roles", nil},
	{"", "groups", nil},
	{"", "userName", setUserName},
	{"", "displayName", words(func(c *change) **string { return &c.coreName })},
	{"", "externalId", words(func(c *change) **string { return &c.ExternalID })},
	{"", "password", setPassword},
	{"", "active", truth(func(c *change) **bool { return &c.Active }, true)},

	{api.SchemaWSO2Agent, "DisplayName", words(func(c *change) **string { return &c.DisplayName })},
	{api.SchemaWSO2Agent, "Description", words(func(c *change) **string { return &c.Description })},
	{api.SchemaWSO2Agent, "Owner", words(func(c *change) **string { return &c.Owner })},
	{api.SchemaWSO2Agent, "IsUserServingAgent", setUserServing},

	{api.SchemaWSO2, "accountLocked", truth(func(c *change) **bool { return &c.Locked }, false)},
	{api.SchemaWSO2, "lastPasswordUpdateTime", nil},

	{api.SchemaCredentials, "scopes", list(func(c *change) (**[]string, *[]string) { return &c.Scopes, &c.MoreScopes }, checkScope)},
	{api.SchemaCredentials, "audiences", list(func(c *change) (**[]string, *[]string) { return &c.Audiences, &c.MoreAudiences }, checkAudience)},
	{api.SchemaCredentials, "allowedAuthMethods", list(func(c *change) (**[]string, *[]string) { return &c.AuthMethods, &c.MoreAuthMethods }, checkMethod)},
	{api.SchemaCredentials, "ownerToken", words(func(c *change) **string { return &c.OwnerToken })},
	{api.SchemaCredentials, "revokedAt", setRevokedAt},
	{api.SchemaCredentials, "secret", setSecret},
	{api.SchemaCredentials, "secrets", nil},
	{api.SchemaCredentials, "keys", nil},
	{api.SchemaCredentials, "certificates", nil},
}

// attrPath is an attribute as a request names it.
type attrPath struct {
	schema string // "" is the core
	name   string // "" is all of the schema
}

// parsePath reads the name of an attribute. The URN of a schema comes before
// the name, with a colon or a dot between; letter case does not matter.
func parsePath(text string) attrPath {
	text = strings.TrimSpace(text)
	for _, schema := range []string{api.SchemaUser, api.SchemaWSO2Agent, api.SchemaWSO2, api.SchemaCredentials} {
		if len(text) < len(schema) || !strings.EqualFold(text[:len(schema)], schema) {
			continue
		}
		name := text[len(schema):]
		if name != "" && name[0] != ':' && name[0] != '.' {
			continue
		}
		if schema == api.SchemaUser {
			schema = ""
		}
		return attrPath{schema, strings.TrimLeft(name, ":.")}
	}
	return attrPath{"", text}
}

// find finds the attribute of a path. Whatever else has a fit name in WSO2's
// agent schema is an attribute that the tenant added.
func (known *Profile) find(p attrPath) (attribute, bool) {
	for _, a := range known.attributes {
		if a.schema == p.schema && strings.EqualFold(a.name, p.name) {
			return a, true
		}
	}
	if p.schema == api.SchemaWSO2Agent && fitName(p.name) {
		return attribute{p.schema, p.name, setFurther(p.name)}, true
	}
	return attribute{}, false
}

// has reports whether agents have attributes of a schema.
func (known *Profile) has(schema string) bool {
	return slices.ContainsFunc(known.attributes, func(a attribute) bool { return a.schema == schema })
}

// isSchema reports whether the path means a whole extension.
func (p attrPath) isSchema() bool { return p.schema != "" && p.name == "" }

// maxName bounds the name of an attribute.
const maxName = 255

// fitName reports whether a name can be used in a path: RFC 7643 §2.1, and the
// dots that WSO2 has in it.
func fitName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789_-.$", r)) {
			return false
		}
	}
	return true
}

// value is what a request says about an attribute.
type value struct {
	named  string // the attribute, as the request names it
	remove bool
	add    bool // to what is there, where it is a list
	raw    json.RawMessage
}

// gone reports whether the attribute is to be removed; null says so too.
func (v value) gone() bool { return v.remove || string(v.raw) == "null" }

// read decodes the value; what says of what form it must be.
func (v value) read(into any, what string) error {
	if json.Unmarshal(v.raw, into) != nil {
		return invalid(api.TypeInvalidValue, "%s must be %s.", v.named, what)
	}
	return nil
}
