package row

import (
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Dialect is what databases do not write alike. In its texts $column, $value and
// $name stand for what is looked at and for parameters: what somebody asks for
// never becomes part of the SQL.
type Dialect struct {
	Mark string // what a parameter begins with, before its number
	Text string // what makes of a parameter a text that is compared byte by byte
	// Attribute is the value of the agent's attribute $name; NULL when it has none.
	Attribute string
	// Compare is what a condition asks of a $column that is not empty. LIKE is not
	// used: it would take % and _ for wildcards.
	Compare map[store.Op]string
	// Action is met by the action $value, and by those that have it before a dot.
	Action string
}

// args are the parameters of a statement.
type args struct {
	mark string
	all  []any
}

// add adds a parameter and returns how the statement names it.
func (a *args) add(v any) string {
	a.all = append(a.all, v)
	return a.mark + strconv.Itoa(len(a.all))
}

// where returns the clause for conditions on those columns, "" for no condition.
func (d Dialect) where(columns map[store.Field]column, conditions []store.Condition, a *args) string {
	terms := make([]string, 0, len(conditions))
	for _, c := range conditions {
		terms = append(terms, d.term(columns, c, a))
	}
	if len(terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(terms, " AND ")
}

// term is one condition. A field or an operator that it does not know, nobody
// meets.
func (d Dialect) term(columns map[store.Field]column, c store.Condition, a *args) string {
	field := c.Field
	name, named := strings.CutPrefix(string(field), string(store.Attribute))
	if named {
		field = store.Attribute
	}
	column, known := columns[field]
	compare := d.Compare[c.Op]
	if !known || compare == "" || !Keeps(name, c.Value) {
		return "false"
	}
	if named {
		column.name = strings.ReplaceAll(d.Attribute, "$name", a.add(name))
	}
	value := a.add(c.Value) + d.Text
	if column.caseless { // lower changes ASCII letters and no others
		column.name, value = "lower("+column.name+")", "lower("+value+")"
	}
	return strings.NewReplacer("$column", column.name, "$value", "("+value+")").Replace("($column <> '' AND " + compare + ")")
}

// Entries returns the query for the audit entries that q asks for.
func (d Dialect) Entries(q store.EntryQuery) (query string, values []any) {
	a := args{mark: d.Mark}
	terms := []string{"seq > " + a.add(q.After)}
	and := func(term string, value any) {
		terms = append(terms, strings.ReplaceAll(term, "$value", a.add(value)))
	}
	for _, f := range []struct{ term, value string }{
		{"agent = $value", q.AgentID}, {"actor = $value", q.Actor}, {"outcome = $value", q.Outcome}, {d.Action, q.Action},
	} {
		if f.value != "" {
			and(f.term, f.value)
		}
	}
	if q.Through != 0 {
		and("seq <= $value", q.Through)
	}
	if !q.Since.IsZero() {
		and("time >= $value", q.Since.UnixMicro())
	}
	if !q.Until.IsZero() {
		and("time < $value", q.Until.UnixMicro())
	}
	query = "SELECT " + EntryColumns + " FROM audit WHERE " + strings.Join(terms, " AND ") + " ORDER BY seq LIMIT " + a.add(q.Limit)
	return query, a.all
}
