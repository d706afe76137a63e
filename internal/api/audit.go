package api

import (
	"net/url"
	"strconv"
	"time"
)

// MaxAuditLimit is the most events that one page of the audit has, and what it
// has when nobody asks for less.
const MaxAuditLimit = 500

// AuditEvent is one entry of the audit (GET …/audit/events). Hash covers all
// others of its members, Prev is the Hash of the event before.
type AuditEvent struct {
	Seq     int64             `json:"seq"`  // 1, 2, 3 … without a gap, from AuditChain(seq)<<40 on
	Time    time.Time         `json:"time"` // RFC 3339, UTC, to the microsecond
	Actor   string            `json:"actor"`
	Action  string            `json:"action"` // "secret.create"
	AgentID string            `json:"agentId,omitempty"`
	Target  string            `json:"target,omitempty"` // the credential
	Outcome string            `json:"outcome"`          // done, refused
	Reason  string            `json:"reason,omitempty"` // why it was refused
	Detail  map[string]string `json:"detail,omitempty"`
	Prev    string            `json:"prev"` // "" for the first
	Hash    string            `json:"hash"`
}

// AuditChain is the number of the chain that an event is in. A server with a file
// has chain 0 alone; where several have one database, each writes another.
func AuditChain(seq int64) int64 { return seq >> 40 }

// AuditChainEnd is the highest seq that an event of a chain may have; of chain -1
// it is 0, so what comes after is chain 0.
func AuditChainEnd(chain int64) int64 { return max(0, (chain+1)<<40-1) }

// AuditPage is the answer to GET …/audit/events, oldest event first. A page
// with fewer events than were asked for is the last one; the next one comes
// after the seq of its last event.
type AuditPage struct {
	Count  int          `json:"count"`
	Events []AuditEvent `json:"events"`
}

// AuditCheckpoint is the head of the chain (GET …/audit/checkpoint). Kept
// elsewhere, it finds a chain that was rewritten or cut off later.
type AuditCheckpoint struct {
	StoreID string    `json:"storeId"` // "" while there is no store yet
	Seq     int64     `json:"seq"`
	Hash    string    `json:"hash"`
	Time    time.Time `json:"time"`
	// Heads are those of all chains where there are several; the members above
	// are then of the one that the server writes that was asked.
	Heads []AuditHead `json:"heads,omitempty"`
	// Signature is a JWS (RFC 7515, compact) by the key that signs tokens; it
	// holds the JSON of the other members. "" where nothing signs.
	Signature string `json:"signature,omitempty"`
}

// AuditHead is the last entry of a chain.
type AuditHead struct {
	Seq  int64     `json:"seq"`
	Hash string    `json:"hash"`
	Time time.Time `json:"time"`
}

// All are the heads of all chains, in the order of the chains.
func (c AuditCheckpoint) All() []AuditHead {
	if len(c.Heads) > 0 || c.Seq == 0 {
		return c.Heads
	}
	return []AuditHead{{c.Seq, c.Hash, c.Time}}
}

// AuditQuery is what a query for events may ask for. The zero value of a field
// does not restrict.
type AuditQuery struct {
	After   int64 // Seq greater than this
	Through int64 // Seq not greater than this
	Limit   int   // 1 to MaxAuditLimit
	AgentID string
	Actor   string
	Action  string // "secret.create", or "secret" for all that begin with it and a dot
	Outcome string
	Since   time.Time
	Until   time.Time // exclusive
}

// Values writes a query as it stands in a URL.
func (q AuditQuery) Values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"agentId": q.AgentID, "actor": q.Actor, "outcome": q.Outcome, "action": q.Action} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.After != 0 {
		v.Set("after", strconv.FormatInt(q.After, 10))
	}
	if q.Through != 0 {
		v.Set("through", strconv.FormatInt(q.Through, 10))
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}
