package cli

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

const (
	// scrapeAgents is how many agents a scrape looks at; beyond, the oldest
	// ones stand for all, and agentcreds_agents_examined tells how many.
	scrapeAgents = 10_000
	scrapePage   = 500
	// scrapeKeep is how long what was found is told again.
	scrapeKeep = 30 * time.Second
	// scrapeTimeout bounds one look.
	scrapeTimeout = 10 * time.Second
)

// ages collects how old credentials are, when somebody asks.
type ages struct {
	rules   *authority.Authority
	issuer  *authority.Issuer
	overdue time.Duration
	log     *slog.Logger

	mu    sync.Mutex
	found tally
	at    time.Time
}

// tally is what one look found.
type tally struct {
	total, examined, blocked, live, overdue, expiring, unknown float64

	count   uint64
	seconds float64
	buckets map[float64]uint64
}

const day = 24 * time.Hour

// ageBuckets are the bounds of the histogram of ages.
var ageBuckets = []time.Duration{day, 7 * day, 30 * day, 60 * day, 90 * day, 180 * day, 365 * day}

var (
	descAgents   = prometheus.NewDesc("agentcreds_agents", "How many agents there are.", nil, nil)
	descExamined = prometheus.NewDesc("agentcreds_agents_examined", "How many of them the figures about credentials are of.", nil, nil)
	descBlocked  = prometheus.NewDesc("agentcreds_agents_blocked", "Agents that cannot authenticate.", nil, nil)
	descLive     = prometheus.NewDesc("agentcreds_secrets_live", "Secrets that can be used.", nil, nil)
	descOverdue  = prometheus.NewDesc("agentcreds_rotation_overdue", "Agents whose newest live secret is older than --rotation-due, or whose credentials have all expired.", nil, nil)
	descExpiring = prometheus.NewDesc("agentcreds_secrets_expiring", "Newest live secrets of agents that expire within 24 hours.", nil, nil)
	descUnknown  = prometheus.NewDesc("agentcreds_unknown_logins_total", "Failed logins with ids that nobody has, since the database was made; the audit has no entries of them.", nil, nil)
	descAge      = prometheus.NewDesc("agentcreds_secret_age_seconds", "Age of the newest live secret of each agent.", nil, nil)
)

// Describe is of prometheus.Collector.
func (a *ages) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descAgents, descExamined, descBlocked, descLive, descOverdue, descExpiring, descUnknown, descAge} {
		to <- d
	}
}

// Collect is of prometheus.Collector. What cannot be found out is left out, and
// the log tells why.
func (a *ages) Collect(to chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() || time.Since(a.at) > scrapeKeep {
		found, err := a.look()
		if err != nil {
			a.log.Warn("the ages of credentials cannot be told", "error", err.Error())
			return
		}
		a.found, a.at = found, time.Now()
	}
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	gauge(descAgents, a.found.total)
	gauge(descExamined, a.found.examined)
	gauge(descBlocked, a.found.blocked)
	gauge(descLive, a.found.live)
	gauge(descOverdue, a.found.overdue)
	gauge(descExpiring, a.found.expiring)
	to <- prometheus.MustNewConstMetric(descUnknown, prometheus.CounterValue, a.found.unknown)
	to <- prometheus.MustNewConstHistogram(descAge, a.found.count, a.found.seconds, a.found.buckets)
}

func (a *ages) look() (tally, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	out := tally{buckets: map[float64]uint64{}}
	for _, bound := range ageBuckets {
		out.buckets[bound.Seconds()] = 0
	}
	failures, err := a.issuer.Failures(ctx)
	if err != nil {
		return tally{}, err
	}
	out.unknown = float64(failures.Unknown)
	q := authority.Query{Along: authority.Along{Secrets: true, Keys: true, Certificates: true}}
	for q.Limit = scrapePage; q.Offset < scrapeAgents; q.Offset += scrapePage {
		page, err := a.rules.Agents(ctx, q)
		if err != nil {
			return tally{}, err
		}
		out.total = float64(page.Total)
		for _, agent := range page.Agents {
			out.add(agent, a.rules.Blocked(agent.Agent), a.rules.Now(), a.overdue)
		}
		if len(page.Agents) < scrapePage {
			break
		}
	}
	return out, nil
}

func (t *tally) add(agent authority.Agent, blocked bool, now time.Time, overdue time.Duration) {
	t.examined++
	if blocked {
		t.blocked++
	}
	if lapsed(agent, now) {
		t.overdue++
	}
	newest := true
	for _, s := range agent.Secrets {
		if !s.Live(now) {
			continue
		}
		t.live++
		if !newest {
			continue
		}
		newest = false
		age := now.Sub(time.UnixMilli(s.Created))
		t.count++
		t.seconds += age.Seconds()
		for _, bound := range ageBuckets {
			if age <= bound {
				t.buckets[bound.Seconds()]++
			}
		}
		if age > overdue && !blocked {
			t.overdue++
		}
		if s.Expires != 0 && time.Unix(s.Expires, 0).Sub(now) < day {
			t.expiring++
		}
	}
}

// lapsed reports whether an agent that may sign in cannot, since nobody rotated
// its credentials in time: all have ended, and the newest was not revoked.
func lapsed(agent authority.Agent, now time.Time) bool {
	if agent.Blocked() {
		return false
	}
	var newest int64
	expired, live := false, false
	look := func(created int64, revoked time.Time, opens bool) {
		live = live || opens
		if created > newest {
			newest, expired = created, revoked.IsZero() && !opens
		}
	}
	for _, s := range agent.Secrets {
		look(s.Created, s.Revoked, s.Live(now))
	}
	for _, k := range agent.Keys {
		look(k.Created, k.Revoked, k.Live(now))
	}
	for _, c := range agent.Certificates {
		look(c.Created, c.Revoked, c.Live(now))
	}
	return expired && !live
}
