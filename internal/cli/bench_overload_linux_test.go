package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkServe_overload measures how long 16 agents wait for a token while ten
// times as many clients at another address ask as fast as they can for what
// they do not get, beside how long they wait while nobody else asks, in turns.
// It fails on no number.
func BenchmarkServe_overload(b *testing.B) {
	const good, bad = 16, 160
	h := newHouse(b)
	tokens := h.tokens(b, good)
	victim, _ := h.newAgent(b, "victim")
	of := func(id, value string) string {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {value}}.Encode()
	}
	unknown := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	kinds := []struct {
		name string
		ask  func(n int) (method, path, body string)
		row  row
	}{
		{name: "wrong-secret", ask: func(int) (string, string, string) { return "POST", "/oauth2/token", of(victim, ourShape()) }},
		{name: "unknown-id", ask: func(n int) (string, string, string) { return "POST", "/oauth2/token", of(unknown(n), ourShape()) }},
		{name: "people's-secret", ask: func(n int) (string, string, string) {
			return "POST", "/oauth2/token", of(unknown(n), "Wrong-Horse-7-Battery")
		}},
		{name: "wrong-bearer", ask: func(int) (string, string, string) { return "GET", "/scim2/Agents", "" }},
		{name: "health", ask: func(int) (string, string, string) { return "GET", "/healthz", "" }},
	}
	for b.Loop() {
		for range benchRounds {
			for i := range kinds {
				k := &kinds[i]
				k.row.yard = append(k.row.yard, tokens.load(b, good))
				stop := h.harass(b, bad, k.ask)
				k.row.mine = append(k.row.mine, tokens.load(b, good))
				k.row.mine[len(k.row.mine)-1].cpu = stop()
			}
		}
	}
	p99 := func(s sample) float64 { return s.p99.Seconds() * 1e3 }
	p50 := func(s sample) float64 { return s.p50.Seconds() * 1e3 }
	var text strings.Builder
	fmt.Fprintf(&text, "%-16s %10s %10s %10s %10s %6s %10s\n", "others ask for", "p50 alone", "p50 beside", "p99 alone", "p99 beside", "ratio", "others")
	for _, k := range kinds {
		per := middle(k.row.mine, func(s sample) float64 { return 1 / s.cpu.Seconds() })
		fmt.Fprintf(&text, "%-16s %7.2f ms %7.2f ms %7.2f ms %7.2f ms %6.2f %8.0f/s\n", k.name,
			middle(k.row.yard, p50), middle(k.row.mine, p50), middle(k.row.yard, p99), middle(k.row.mine, p99), k.row.ratio(p99), per)
		b.ReportMetric(k.row.ratio(p99), k.name+"-p99-ratio")
	}
	b.Logf("%d agents get tokens, alone and beside %d clients of another address; medians of %d rounds\n%s", good, bad, len(kinds[0].row.mine), text.String())
}

// harass lets so many clients at another address ask without pause. stop ends
// it and tells how long they had for each answer, all together.
func (h *house) harass(b *testing.B, clients int, ask func(n int) (method, path, body string)) (stop func() time.Duration) {
	b.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	web := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: clients}}
	ctx, cancel := context.WithCancel(b.Context())
	answers := make([]int, clients)
	var done sync.WaitGroup
	began := time.Now()
	for n := range clients {
		done.Go(func() {
			for ctx.Err() == nil {
				method, path, body := ask(n + clients*answers[n])
				r, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if method == http.MethodGet {
					r.Header.Set("Authorization", "Bearer a.b.c")
				}
				if answer, err := web.Do(r); err == nil { // else it was cut off
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
				answers[n]++
			}
		})
	}
	return func() time.Duration {
		took := time.Since(began)
		cancel()
		done.Wait()
		web.CloseIdleConnections()
		all := 1
		for _, n := range answers {
			all += n
		}
		return took / time.Duration(all)
	}
}
