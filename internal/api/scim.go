package api

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Schemas of SCIM messages (RFC 7644).
const (
	SchemaList   = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SchemaPatch  = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	SchemaSearch = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	SchemaError  = "urn:ietf:params:scim:api:messages:2.0:Error"
	SchemaConfig = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	SchemaType   = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// MediaType is what SCIM answers are labelled with.
const MediaType = "application/scim+json"

// List is a ListResponse. Resources may be absent when there are none.
type List[T any] struct {
	Schemas      []string `json:"schemas"`
	TotalResults int      `json:"totalResults"`
	StartIndex   int      `json:"startIndex,omitempty"` // 1 is the first
	ItemsPerPage int      `json:"itemsPerPage"`
	Resources    []T      `json:"Resources,omitempty"`
}

// SearchRequest is the body of POST …/.search (RFC 7644 §3.4.3).
type SearchRequest struct {
	Schemas            []string `json:"schemas,omitempty"`
	Attributes         []string `json:"attributes,omitempty"`
	ExcludedAttributes []string `json:"excludedAttributes,omitempty"`
	Filter             string   `json:"filter,omitempty"`
	SortBy             string   `json:"sortBy,omitempty"`
	SortOrder          string   `json:"sortOrder,omitempty"`
	StartIndex         *int     `json:"startIndex,omitempty"`
	Count              *int     `json:"count,omitempty"`
	Domain             string   `json:"domain,omitempty"` // WSO2's; ignored
}

// Patch is a PatchOp (RFC 7644 §3.5.2).
type Patch struct {
	Schemas    []string    `json:"schemas"`
	Operations []Operation `json:"Operations"`
}

// Operation is one change. Op is add, replace or remove, in any letter case.
// Without a Path the Value is an object of attributes.
type Operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Supported says whether a feature of SCIM is there.
type Supported struct {
	Supported bool `json:"supported"`
}

// FilterSupport tells the largest page too.
type FilterSupport struct {
	Supported  bool `json:"supported"`
	MaxResults int  `json:"maxResults"`
}

// BulkSupport is required by RFC 7643 §5.
type BulkSupport struct {
	Supported      bool `json:"supported"`
	MaxOperations  int  `json:"maxOperations"`
	MaxPayloadSize int  `json:"maxPayloadSize"`
}

// AuthScheme is one way to authenticate to the management API.
type AuthScheme struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// ServerConfig is /scim2/ServiceProviderConfig (RFC 7643 §5).
type ServerConfig struct {
	Schemas               []string      `json:"schemas"`
	Patch                 Supported     `json:"patch"`
	Bulk                  BulkSupport   `json:"bulk"`
	Filter                FilterSupport `json:"filter"`
	ChangePassword        Supported     `json:"changePassword"`
	Sort                  Supported     `json:"sort"`
	ETag                  Supported     `json:"etag"`
	AuthenticationSchemes []AuthScheme  `json:"authenticationSchemes"`
	Capabilities          *Capabilities `json:"urn:agentcreds:params:scim:schemas:extension:credentials:1.0:ServiceProviderConfig,omitempty"`
}

// Capabilities is what a server can do with credentials. A server that does
// not send it is a plain WSO2 server.
type Capabilities struct {
	StoreID      string `json:"storeId"`      // "" while there is no store yet
	MaxSecrets   int    `json:"maxSecrets"`   // live ones of one agent
	Overlap      bool   `json:"overlap"`      // an old secret can live on for a while
	Keys         bool   `json:"keys"`         // …/keys is there
	Certificates bool   `json:"certificates"` // …/certificates is there
	Audit        bool   `json:"audit"`        // /api/server/v1/audit is there
	Version      string `json:"version"`      // of the server
	Principal    string `json:"principal"`    // who asks, as createdBy names it
}

// Replace is the operation that sets an attribute to a value that encodes as
// JSON. A secret is set by PasswordPatch.
func Replace(path string, value any) Operation {
	text, err := json.Marshal(value)
	if err != nil {
		panic("api: a value of a patch must encode: " + err.Error())
	}
	return Operation{Op: "replace", Path: path, Value: text}
}

// Text is the value of an operation on a text: "" where it is removed.
func (o Operation) Text() (string, error) {
	if strings.EqualFold(o.Op, "remove") || string(o.Value) == "null" {
		return "", nil
	}
	var text string
	if err := json.Unmarshal(o.Value, &text); err != nil {
		return "", fmt.Errorf("the value of %s is not a text", o.Path)
	}
	return text, nil
}
