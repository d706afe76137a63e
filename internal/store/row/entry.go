package row

import (
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// EntryColumns are those of an audit entry, in the order of Entry.
const EntryColumns = `seq, time, actor, action, agent, target, outcome, reason, detail, prev, hash`

// Entry reads an audit entry.
func Entry(scan Scan) (e audit.Entry, err error) {
	var (
		micros          int64
		action, outcome string
	)
	err = scan(&e.Seq, &micros, &e.Actor, &action, &e.AgentID, &e.Target, &outcome, &e.Reason, coded[map[string]string]{&e.Detail}, &e.Prev, &e.Hash)
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", e.Seq, err) // whoever looks for what was altered wants its number
	}
	e.Action, e.Outcome, e.Time = audit.Action(action), audit.Outcome(outcome), time.UnixMicro(micros).UTC()
	return e, nil
}
