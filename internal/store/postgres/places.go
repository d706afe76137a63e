package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// Agents are numbered, and counted by ranges of their numbers (schema/2.sql).
const (
	rangeBits = 12
	// How many there are, and in which range the one at an offset is, if there is
	// one, with how many before that range.
	selectRange = `SELECT sum(n) OVER ()::bigint, range, before::bigint FROM
		(SELECT range, n, sum(n) OVER (ORDER BY range) - n AS before FROM (SELECT range, sum(delta) AS n FROM agent_counts GROUP BY range) counted) placed
		ORDER BY before > $1, range DESC LIMIT 1`
	// The index alone is walked to where the page begins.
	selectPlaced = selectAgent + ` WHERE n >= (SELECT n FROM agents WHERE n >= $1 ORDER BY n LIMIT 1 OFFSET $3) ORDER BY n LIMIT $2`
	countAgents  = `INSERT INTO agent_counts SELECT n >> 12, count(*) FROM agents GROUP BY 1`
	// Only where there are many rows more than ranges: each is read for each page.
	mergeCounts = `WITH taken AS (SELECT ctid FROM agent_counts
			WHERE (SELECT count(*) > 256 + count(DISTINCT range) FROM agent_counts) LIMIT 100000 FOR UPDATE SKIP LOCKED),
		gone AS (DELETE FROM agent_counts c USING taken WHERE c.ctid = taken.ctid RETURNING range, delta)
		INSERT INTO agent_counts SELECT range, sum(delta) FROM gone GROUP BY range HAVING sum(delta) <> 0`
)

// everyone reads a page of all agents. It begins to walk in the range in which
// the page begins.
func (t *tx) everyone(offset, limit int) (page store.Page, err error) {
	offset = max(0, offset)
	var number, before int64
	err = t.row(selectRange, []any{offset}, &page.Total, &number, &before)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // of none
		return store.Page{}, t.fail("count agents", err)
	}
	if limit <= 0 || offset >= page.Total {
		return page, nil
	}
	page.Agents, err = list(t, "agents", row.Agent, selectPlaced, number<<rangeBits, limit, offset-int(before))
	return page, err
}
