package postgres

import (
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// exact and caseless are the columns of the fields, by whether case counts.
var (
	exact    = map[store.Field]string{store.ID: "id", store.ExternalID: "external_id"}
	caseless = map[store.Field]string{
		store.DisplayName: "display_name", store.Description: "description", store.Owner: "owner",
	}
)

// attribute is the value of the attribute whose name is the parameter $name.
// The name never becomes part of the SQL.
const attribute = `(nullif(attributes, '')::json ->> $name::text) COLLATE "C"`

// comparisons are what a condition asks of a column that is not empty. LIKE is
// not used: it would take % and _ for wildcards.
var comparisons = map[store.Op]string{
	store.Equal:      "$column = $value",
	store.Contains:   "strpos($column, $value) > 0",
	store.StartsWith: "starts_with($column, $value)",
	store.EndsWith:   "right($column, length($value)) = $value",
}

// conditions returns a WHERE clause and its arguments, "" for no condition.
func conditions(where []store.Condition) (string, []any) {
	var (
		terms []string
		args  []any
	)
	for _, c := range where {
		var term string
		term, args = condition(c, args)
		terms = append(terms, term)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

// condition returns the term of one condition, and args with its own added. A
// field or an operator that it does not know, no agent meets.
func condition(c store.Condition, args []any) (string, []any) {
	before := args
	parameter := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	compare := comparisons[c.Op]
	column, fold := exact[c.Field], false
	if column == "" {
		column, fold = caseless[c.Field], true
	}
	if name, ok := strings.CutPrefix(string(c.Field), string(store.Attribute)); ok {
		column = strings.ReplaceAll(attribute, "$name", parameter(name))
	}
	if column == "" || compare == "" {
		return "false", before
	}
	value := parameter(c.Value) + `::text COLLATE "C"`
	if fold { // by this collation lower changes ASCII letters and no others
		column, value = "lower("+column+")", "lower("+value+")"
	}
	value = "(" + value + ")"
	term := strings.NewReplacer("$column", column, "$value", value).Replace("($column <> '' AND " + compare + ")")
	return term, args
}
