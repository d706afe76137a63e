package api

// Schema is a resource of /scim2/Schemas (RFC 7643 §7). WSO2 answers a plain
// array of them, not a ListResponse.
type Schema struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Attributes  []Attribute `json:"attributes"`
	Meta        *Meta       `json:"meta,omitempty"`
}

// Attribute describes a member of a Schema. DisplayName is WSO2's addition,
// and so is the upper case of Type.
type Attribute struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	Type        string `json:"type"` // STRING, BOOLEAN, COMPLEX
	MultiValued bool   `json:"multiValued"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	CaseExact   bool   `json:"caseExact"`
	Mutability  string `json:"mutability"` // readWrite, readOnly, writeOnly, immutable
	Returned    string `json:"returned"`   // always, default, request, never
	Uniqueness  string `json:"uniqueness"` // none, server
}

// ResourceType is a resource of /scim2/ResourceTypes (RFC 7643 §6).
type ResourceType struct {
	Schemas          []string          `json:"schemas"`
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Endpoint         string            `json:"endpoint"`
	Description      string            `json:"description"`
	Schema           string            `json:"schema"`
	SchemaExtensions []SchemaExtension `json:"schemaExtensions"`
	Meta             *Meta             `json:"meta,omitempty"`
}

// SchemaExtension names a schema that a resource type adds to its own.
type SchemaExtension struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}
