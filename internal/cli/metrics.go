package cli

import (
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
)

// metrics counts what the server does, for Prometheus. No label comes from a
// request: routes by their pattern, outcomes by status.
type metrics struct {
	registry *prometheus.Registry
	logins   *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

func newMetrics(version string, more ...prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "agentcreds_authentications_total",
			Help: "Authentications, at whatever endpoint: issued (a token), accepted (a code, or to ask about a token), refused, throttled, bad_request, error.",
		}, []string{"outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "agentcreds_http_request_duration_seconds",
			Help:    "How long requests took, by route, method and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
	}
	for _, outcome := range oauth.Outcomes {
		m.logins.WithLabelValues(string(outcome))
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "agentcreds_build_info", Help: "Always 1; the labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.logins, m.latency, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(more...)
	return m
}

// methods that may be a label: what a client invents must not grow the memory.
var methods = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true}

// request enters one that was answered.
func (m *metrics) request(r *http.Request, status int, took time.Duration) {
	method, route := r.Method, r.Pattern
	if !methods[method] {
		method = "other"
	}
	if route == "" || route == "/" {
		route = "none"
	}
	m.latency.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// login enters an authentication.
func (m *metrics) login(how oauth.Outcome) { m.logins.WithLabelValues(string(how)).Inc() }

// handler serves /metrics. To this machine it is open while nothing stands
// between; from elsewhere, and through a proxy, it takes a token with the scope
// internal_metrics_view, or the admin token.
func (m *metrics) handler(who access, open bool) http.Handler {
	page := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 30 * time.Second})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET is possible here", http.StatusMethodNotAllowed)
			return
		}
		if !open || !direct(r) {
			p, err := who.principal(r)
			switch {
			case err != nil:
				w.Header().Set("WWW-Authenticate", `Bearer realm="agentcreds"`)
				http.Error(w, "a token is needed", http.StatusUnauthorized)
				return
			case !p.May(api.ScopeMetricsView):
				w.Header().Set("WWW-Authenticate", `Bearer realm="agentcreds", error="insufficient_scope", scope="`+api.ScopeMetricsView+`"`)
				http.Error(w, "the scope "+api.ScopeMetricsView+" is missing", http.StatusForbidden)
				return
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		page.ServeHTTP(w, r)
	})
}

// relayed are the headers that proxies add, one or the other.
var relayed = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// direct reports whether a request was made on this machine, by a name of it,
// and not passed on by a proxy on it. A page in a browser that makes its own
// name lead here asks by that name.
func direct(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, name := range relayed {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	return isLoopback(host)
}
