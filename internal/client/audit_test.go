package client_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// chain is a server with an audit of n events.
func chain(n int64) *fake {
	return reference(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.PathCheckpoint {
			reply(w, 200, api.AuditCheckpoint{Seq: n})
			return
		}
		after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
		limit, _ := strconv.ParseInt(r.URL.Query().Get("limit"), 10, 64)
		var page api.AuditPage
		for seq := after + 1; seq <= min(n, after+limit); seq++ {
			page.Events = append(page.Events, api.AuditEvent{Seq: seq})
		}
		reply(w, 200, page)
	})
}

// The latest of all are read without reading all; those that a filter finds are
// found page by page.
func TestLatestAuditEvents(t *testing.T) {
	for _, tt := range []struct {
		name     string
		q        api.AuditQuery
		has      int64
		n        int
		from     int64 // first of what is found; the last is the last of all
		requests int
	}{
		{"none", api.AuditQuery{}, 0, 10, 0, 2},
		{"few", api.AuditQuery{}, 3, 10, 1, 2},
		{"of many", api.AuditQuery{}, 1_000_000, 10, 999_991, 2},
		{"many of many", api.AuditQuery{}, 1_000_000, 1200, 998_801, 4},
		{"filtered", api.AuditQuery{Action: "secret"}, 1203, 10, 1194, 3},
		{"filtered, many", api.AuditQuery{Action: "secret"}, 1203, 700, 504, 3},
		{"filtered, a full page last", api.AuditQuery{Action: "secret"}, 1000, 10, 991, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := chain(tt.has)
			found, err := f.over(t).LatestAuditEvents(t.Context(), tt.q, tt.n)
			if err != nil {
				t.Fatal(err)
			}
			if want := min(int64(tt.n), tt.has); int64(len(found)) != want {
				t.Fatalf("%d events, want %d", len(found), want)
			}
			if len(found) > 0 && (found[0].Seq != tt.from || found[len(found)-1].Seq != tt.has) {
				t.Errorf("events %d to %d, want %d to %d", found[0].Seq, found[len(found)-1].Seq, tt.from, tt.has)
			}
			if n := len(f.requests()); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
			for _, r := range f.requests() {
				if tt.q.Action != "" && !strings.Contains(r.query, "action=secret") {
					t.Errorf("a page was asked for without the filter: %s", r.query)
				}
			}
		})
	}
}

// A server that sends the same page for ever ends the reading.
func TestLatestAuditEventsGoesOn(t *testing.T) {
	f := reference(func(w http.ResponseWriter, _ *http.Request) {
		page := api.AuditPage{Events: make([]api.AuditEvent, api.MaxAuditLimit)}
		for i := range page.Events {
			page.Events[i].Seq = int64(i + 1)
		}
		reply(w, 200, page)
	})
	if _, err := f.over(t).LatestAuditEvents(t.Context(), api.AuditQuery{Actor: "ann"}, 1); err != nil || len(f.requests()) != 2 {
		t.Errorf("%d requests, %v", len(f.requests()), err)
	}
}
