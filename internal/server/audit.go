package server

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

func (s *Server) auditEvents(c *call) (any, error) {
	q, err := auditQuery(c.query)
	if err != nil {
		return nil, err
	}
	entries, err := c.authority.AuditEvents(c.Context(), q)
	page := api.AuditPage{Count: len(entries), Events: make([]api.AuditEvent, len(entries))}
	for i, e := range entries {
		page.Events[i] = auditBody(e)
	}
	return page, err
}

// checkpoint is the head of the chain. What is signed is the answer itself
// without its signature.
func (s *Server) checkpoint(c *call) (any, error) {
	head, err := c.authority.Checkpoint(c.Context())
	if err != nil {
		return nil, err
	}
	body := CheckpointBody(head)
	if s.cfg.SignCheckpoint == nil {
		return body, nil
	}
	text, err := api.Encode(body)
	if err != nil {
		return nil, err
	}
	body.Signature, err = s.cfg.SignCheckpoint(c.Context(), text)
	return body, err
}

// CheckpointBody is a checkpoint on the wire, without a signature.
func CheckpointBody(head authority.Checkpoint) api.AuditCheckpoint {
	body := api.AuditCheckpoint{StoreID: head.StoreID, Seq: head.Seq, Hash: head.Hash, Time: head.Time}
	for _, e := range head.Heads {
		body.Heads = append(body.Heads, api.AuditHead{Seq: e.Seq, Hash: e.Hash, Time: e.Time})
	}
	return body
}

// auditQuery reads a query. A name that it does not know is refused: with a
// filter left out, whoever looks for one thing would be shown another.
func auditQuery(query url.Values) (q authority.AuditQuery, err error) {
	q.Limit = api.MaxAuditLimit
	known := map[string]func(string) error{
		"agentId": notEmpty(&q.AgentID),
		"actor":   notEmpty(&q.Actor),
		"action":  notEmpty(&q.Action),
		"outcome": notEmpty(&q.Outcome),
		"since":   moment(&q.Since),
		"until":   moment(&q.Until),
		"after":   number(&q.After),
		"through": number(&q.Through),
		"limit": func(value string) (err error) {
			if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 || q.Limit > api.MaxAuditLimit {
				return fmt.Errorf("must be a whole number from 1 to %d", api.MaxAuditLimit)
			}
			return nil
		},
	}
	for name, values := range query {
		read, ok := known[name]
		switch {
		case !ok:
			return q, invalid(api.TypeInvalidValue, "Events cannot be filtered by %q: agentId, actor, action, outcome, since, until, after, through and limit are possible.", name)
		case len(values) > 1:
			return q, invalid(api.TypeInvalidValue, "%s is possible once.", name)
		}
		if err := read(values[0]); err != nil {
			return q, invalid(api.TypeInvalidValue, "%s %v.", name, err)
		}
	}
	return q, nil
}

// number takes the number of an entry, or 0.
func number(to *int64) func(string) error {
	return func(value string) (err error) {
		if *to, err = strconv.ParseInt(value, 10, 64); err != nil || *to < 0 {
			return errors.New("must be a whole number that is not negative")
		}
		return nil
	}
}

// notEmpty takes a text that is not empty, which would filter nothing.
func notEmpty(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if value == "" {
			return errors.New("must not be empty")
		}
		return nil
	}
}

// moment takes a time as RFC 3339 writes it.
func moment(to *time.Time) func(string) error {
	return func(value string) (err error) {
		if *to, err = time.Parse(time.RFC3339, value); err != nil || to.Year() < 1970 || to.Year() > 9999 {
			return errors.New("must be a time from 1970 to 9999 as RFC 3339 writes it: 2026-03-01T12:00:00Z")
		}
		return nil
	}
}

// auditBody is an entry on the wire.
func auditBody(e authority.AuditEntry) api.AuditEvent {
	return api.AuditEvent{
		Seq: e.Seq, Time: e.Time, Actor: e.Actor, Action: string(e.Action), AgentID: e.AgentID, Target: e.Target,
		Outcome: string(e.Outcome), Reason: e.Reason, Detail: e.Detail, Prev: e.Prev, Hash: e.Hash,
	}
}
