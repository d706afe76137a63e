package sqlite

import (
	"database/sql"
	"errors"
	"sync"
)

const (
	// stride is how far apart the places are that are remembered.
	stride = 128

	// Agents are numbered in the order of pages, and a number is never used
	// again: the last number that was given, and how many agents were ever
	// removed, tell which numbers there are.
	selectLastNumber = `SELECT seq FROM sqlite_sequence WHERE name = 'agents'`
	selectNext       = `SELECT n FROM agents WHERE n >= ? ORDER BY n LIMIT 1 OFFSET ?`
	selectFrom       = `SELECT count(*) FROM agents WHERE n >= ?`
	removedCounter   = "removed_agents"
)

// places are where the pages of agents begin: without them, SQLite walks past all
// agents that come before a page, and past all to count them.
type places struct {
	mu            sync.Mutex
	last, removed int64
	total         int
	at            []int64 // the numbers of the agents 0, stride, 2*stride …
}

// place finds the number from which agents are to be passed over, and how many of
// them, to come to an offset; and how many agents there are. known is false where
// somebody else has looked at a later picture: then nothing is known of this one.
func (t *tx) place(offset int) (from int64, over, total int, known bool, err error) {
	last, err := t.lastNumber()
	if err != nil {
		return 0, 0, 0, false, err
	}
	removed, err := t.Counter(removedCounter)
	if err != nil {
		return 0, 0, 0, false, err
	}
	p := t.places
	p.mu.Lock()
	defer p.mu.Unlock()
	if removed < p.removed || removed == p.removed && last < p.last {
		return 0, 0, 0, false, nil
	}
	if removed != p.removed || last != p.last {
		if removed != p.removed {
			p.at = nil
		}
		p.last, p.removed = -1, -1 // should it fail
		if err := t.walk(p); err != nil {
			return 0, 0, 0, false, err
		}
		p.last, p.removed = last, removed
	}
	if offset >= p.total {
		return 0, 0, p.total, true, nil
	}
	return p.at[offset/stride], offset % stride, p.total, true, nil
}

// walk finds the places beyond those that are known, which are still so.
func (t *tx) walk(p *places) error {
	from, step := int64(0), 0
	if len(p.at) > 0 {
		from, step = p.at[len(p.at)-1], stride
	}
	for {
		var next int64
		err := t.c.row(selectNext, []any{from, step}, &next)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return t.fail("count agents", err)
		}
		p.at = append(p.at, next)
		from, step = next, stride
	}
	p.total = 0
	if len(p.at) == 0 {
		return nil
	}
	var rest int
	if err := t.c.row(selectFrom, []any{p.at[len(p.at)-1]}, &rest); err != nil {
		return t.fail("count agents", err)
	}
	p.total = (len(p.at)-1)*stride + rest
	return nil
}

// lastNumber is the number of the newest agent that there ever was.
func (t *tx) lastNumber() (last int64, err error) {
	err = t.c.row(selectLastNumber, nil, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return last, t.fail("count agents", err)
}
