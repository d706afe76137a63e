package row

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

// column is where a field of conditions is kept, and whether letter case does not
// count there.
type column struct {
	name     string
	caseless bool
}

// Paged are the records of a table that are read by pages.
type Paged[T any] struct {
	table, columns string
	fields         map[store.Field]column
	read           func(Scan) (T, error)
}

// Those that are read by pages, each with the fields that it has.
var (
	Agents = Paged[store.Agent]{"agents", AgentColumns, map[store.Field]column{
		store.ID: {"id", false}, store.ExternalID: {"external_id", false}, store.DisplayName: {"display_name", true},
		store.Description: {"description", true}, store.Owner: {"owner", true}, store.Attribute: {"", true},
	}, Agent}
	Roles = Paged[store.Role]{"roles", RoleColumns, map[store.Field]column{
		store.ID: {"id", false}, store.DisplayName: {"display_name", true},
	}, Role}
)

// Page reads a page of the records that meet conditions, in the order of their
// numbers, and how many there are in all pages.
func (p Paged[T]) Page(rows Rows, d Dialect, q store.Query) (found []T, total int, err error) {
	a := args{mark: d.Mark}
	from := " FROM " + p.table + d.where(p.fields, q.Where, &a)
	total, err = One(rows, number, "SELECT count(*)"+from, a.all...)
	if err != nil || q.Limit <= 0 || q.Offset >= total {
		return nil, total, err
	}
	bounds := " ORDER BY n LIMIT " + a.add(q.Limit) + " OFFSET " + a.add(max(0, q.Offset))
	found, err = All(rows, p.read, "SELECT "+p.columns+from+bounds, a.all...)
	return found, total, err
}

func number(scan Scan) (n int, err error) {
	err = scan(&n)
	return n, err
}
