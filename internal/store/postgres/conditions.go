package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// dialect is how PostgreSQL has conditions. By the collation "C" lower changes
// ASCII letters and no others.
var dialect = row.Dialect{
	Mark:      "$",
	Text:      `::text COLLATE "C"`,
	Attribute: `(nullif(attributes, '')::json ->> $name::text) COLLATE "C"`,
	Compare: map[store.Op]string{
		store.Equal:      "$column = $value",
		store.Contains:   "strpos($column, $value) > 0",
		store.StartsWith: "starts_with($column, $value)",
		store.EndsWith:   "right($column, length($value)) = $value",
	},
	Action: "(action = $value OR starts_with(action, $value::text || '.'))",
}
