package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// dialect is how SQLite has conditions. The name of an attribute does not become
// part of a JSON path either.
var dialect = row.Dialect{
	Mark:      "?",
	Attribute: "(SELECT value FROM json_each(nullif(attributes, '')) WHERE key = $name)",
	Compare: map[store.Op]string{
		store.Equal:      "$column = $value",
		store.Contains:   "instr($column, $value) > 0",
		store.StartsWith: "substr($column, 1, length($value)) = $value",
		store.EndsWith:   "length($column) >= length($value) AND substr($column, length($column) - length($value) + 1) = $value",
	},
	Action: "(action = $value OR substr(action, 1, length($value) + 1) = $value || '.')",
}
