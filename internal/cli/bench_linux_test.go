package cli_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

const (
	benchRounds = 5
	benchRound  = time.Second // of one server with so many clients
)

// target is a server, and what clients ask it for: each its own, by its number.
type target struct {
	pid    int
	method string // "" means POST
	ask    func(client int) (url, body string, header http.Header)
	heard  func(client int, answer []byte) // nil: nobody needs to know
}

// sample is one round.
type sample struct {
	rate     float64       // answers in a second
	cpu      time.Duration // of the server, for one answer
	p50, p99 time.Duration
}

// load lets so many clients ask for as long as a round takes, each one request
// after the other over a connection of its own.
func (g target) load(b *testing.B, clients int) sample {
	b.Helper()
	web := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer web.CloseIdleConnections()
	took := make([][]time.Duration, clients)
	ask := func(client int) {
		began := time.Now()
		text, err := g.once(b, web, client)
		if err != nil {
			b.Error(err)
			return
		}
		took[client] = append(took[client], time.Since(began))
		if g.heard != nil {
			g.heard(client, text)
		}
	}
	began, used := time.Now(), cpuOf(b, g.pid)
	var done sync.WaitGroup
	for client := range clients {
		done.Go(func() {
			for time.Since(began) < benchRound && !b.Failed() {
				ask(client)
			}
		})
	}
	done.Wait()
	wall, used := time.Since(began), cpuOf(b, g.pid)-used
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if b.Failed() || len(all) == 0 {
		b.FailNow()
	}
	return sample{float64(len(all)) / wall.Seconds(), used / time.Duration(len(all)), all[len(all)/2], all[len(all)*99/100]}
}

// once asks once, and returns the answer.
func (g target) once(b *testing.B, web *http.Client, client int) ([]byte, error) {
	b.Helper()
	url, body, header := g.ask(client)
	r, err := http.NewRequestWithContext(b.Context(), cmp.Or(g.method, http.MethodPost), url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	answer, err := web.Do(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %d %s", r.URL.Path, answer.StatusCode, text)
	}
	return text, err
}

// cpuOf is the CPU time that a process has used.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	text := readFile(b, fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// signing is the CPU time of one ES256 signature here and now: below it no
// server can be.
func signing(b *testing.B) time.Duration {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	const times = 2000
	sum := sha256.Sum256([]byte("token"))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var u syscall.Rusage
		const thread = 1 // RUSAGE_THREAD
		if err := syscall.Getrusage(thread, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	for range times {
		if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
			b.Fatal(err)
		}
	}
	return (used() - before) / times
}

// median of numbers that there are.
func median[T float64 | time.Duration](all []T) T {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// peer is a token server of another make, whose program AGENTCREDS_TEST_PEER
// names (tools/peer); ok is false where it does not.
func peer(b *testing.B) (t target, ok bool) {
	b.Helper()
	path := os.Getenv("AGENTCREDS_TEST_PEER")
	if path == "" {
		return target{}, false
	}
	const id, secret = "bench", "agcs_aLongSecretAsOursWouldBe0123456789"
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), path, id, secret)
	s, err := start(cmd)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.kill)
	r := http.Request{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	r.SetBasicAuth(id, secret)
	return target{pid: cmd.Process.Pid, ask: func(int) (string, string, http.Header) {
		return s.url, "grant_type=client_credentials", r.Header
	}}, true
}

// BenchmarkServe measures tokens and rotations of a server in a process of its
// own, beside one that only signs and commits, in turns. It fails on no number.
func BenchmarkServe(b *testing.B) {
	yard := program(b, filepath.Join(b.TempDir(), "bare.db"))
	yard.Args[0], yard.Env = "bare", nil
	bare, err := start(yard)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(bare.kill)
	h := newHouse(b)
	token, assertion, rotation := h.tokens(b, 64), h.assertions(b, 64), h.rotations(b, 16)
	yardstick := target{pid: bare.cmd.Process.Pid, ask: func(client int) (string, string, http.Header) {
		_, body, header := token.ask(client)
		return bare.url, body, header
	}}
	rows := []*row{
		{name: "token", clients: 1, ours: token, yardstick: yardstick},
		{name: "token", clients: 16, ours: token, yardstick: yardstick},
		{name: "token", clients: 64, ours: token, yardstick: yardstick},
		{name: "assertion", clients: 1, ours: assertion, yardstick: besideAssertions(assertion, yardstick)},
		{name: "assertion", clients: 16, ours: assertion, yardstick: besideAssertions(assertion, yardstick)},
		{name: "assertion", clients: 64, ours: assertion, yardstick: besideAssertions(assertion, yardstick)},
		{name: "rotation", clients: 1, ours: rotation, yardstick: yardstick},
		{name: "rotation", clients: 16, ours: rotation, yardstick: yardstick},
	}
	nothing := yardstick
	nothing.ask = func(client int) (string, string, http.Header) {
		url, body, header := yardstick.ask(client)
		return url + bareNothing, body, header
	}
	rows = append(rows, &row{name: "loopback", clients: 16, ours: token, yardstick: nothing})
	if other, ok := peer(b); ok {
		rows = append(rows, &row{name: "peer", clients: 16, ours: token, yardstick: other})
	}
	var sign []time.Duration
	for b.Loop() {
		for range benchRounds {
			sign = append(sign, signing(b))
			for _, r := range rows {
				r.yard = append(r.yard, r.yardstick.load(b, r.clients))
				r.mine = append(r.mine, r.ours.load(b, r.clients))
			}
		}
	}
	limit := median(sign)
	b.Logf("beside a bare net/http handler that signs by ES256 (%v of CPU for a signature) and group-commits a row of %d bytes, beside assertions with a verification and a second row; medians of %d rounds\n%s",
		limit, bareRow, len(sign), table(rows, limit))
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	for _, r := range rows {
		r.report(b, "CPU", "µs", func(s sample) float64 { return s.cpu.Seconds() * 1e6 })
		r.report(b, "p99", "ms", func(s sample) float64 { return s.p99.Seconds() * 1e3 })
	}
	cpu := middle(rows[1].mine, func(s sample) float64 { return s.cpu.Seconds() })
	b.ReportMetric(limit.Seconds()*1e6, "signing-CPU-yard-µs")
	b.ReportMetric(cpu*1e6, "signing-CPU-ours-µs")
	b.ReportMetric(cpu/limit.Seconds(), "signing-CPU-ratio")
}

// report tells a number of ours, of the yardstick, and the ratio, for tools/bench.
func (r *row) report(b *testing.B, what, unit string, of func(sample) float64) {
	b.Helper()
	name := fmt.Sprintf("%s-%d-%s", r.name, r.clients, what)
	b.ReportMetric(middle(r.mine, of), name+"-ours-"+unit)
	b.ReportMetric(middle(r.yard, of), name+"-yard-"+unit)
	b.ReportMetric(r.ratio(of), name+"-ratio")
}

// tokens is signing in, each client as an agent of its own.
func (h *house) tokens(b *testing.B, clients int) target {
	b.Helper()
	headers := make([]http.Header, clients)
	for n := range headers {
		id, value := h.newAgent(b, fmt.Sprint("signs in ", n))
		r := http.Request{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(value.Reveal()))
		headers[n] = r.Header
	}
	return target{pid: h.cmd.Process.Pid, ask: func(client int) (string, string, http.Header) {
		return h.url + "/oauth2/token", "grant_type=client_credentials", headers[client]
	}}
}

// assertions is signing in by private_key_jwt, each client as an agent of its own
// that signs a new one each time, by ES256.
func (h *house) assertions(b *testing.B, clients int) target {
	b.Helper()
	agents, signers := make([]string, clients), make([]*ecdsa.PrivateKey, clients)
	for n := range agents {
		agents[n], _ = h.newAgent(b, fmt.Sprint("asserts ", n))
		signers[n] = newKey(b)
		der, err := x509.MarshalPKIXPublicKey(signers[n].Public())
		if err != nil {
			b.Fatal(err)
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		if _, err := h.client.AddKey(b.Context(), agents[n], api.KeyRequest{PublicKeyPEM: text}); err != nil {
			b.Fatal(err)
		}
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return target{pid: h.cmd.Process.Pid, ask: func(client int) (string, string, http.Header) {
		text, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
			Issuer: agents[client], Subject: agents[client], Audience: jwt.ClaimStrings{h.url}, ID: rand.Text(),
			ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
		}).SignedString(signers[client])
		if err != nil {
			b.Error(err)
		}
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_assertion": {text},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}
		return h.url + "/oauth2/token", form.Encode(), header
	}}
}

// besideAssertions is the yardstick asked by clients that sign as much as ours.
func besideAssertions(ours, yardstick target) target {
	return target{pid: yardstick.pid, ask: func(client int) (string, string, http.Header) {
		_, body, _ := ours.ask(client)
		url, _, header := yardstick.ask(client)
		return url + bareAssertion, body, header
	}}
}

// rotations is a new secret that ends the one before, each client for an agent
// of its own.
func (h *house) rotations(b *testing.B, clients int) target {
	b.Helper()
	header := h.managing(b)
	agents, latest := make([]string, clients), make([]string, clients)
	for n := range agents {
		agents[n], _ = h.newAgent(b, fmt.Sprint("rotates ", n))
		list, err := h.client.Secrets(b.Context(), agents[n])
		if err != nil {
			b.Fatal(err)
		}
		latest[n] = list[0].SecretID
	}
	return target{
		pid: h.cmd.Process.Pid,
		ask: func(client int) (string, string, http.Header) {
			return h.url + "/api/server/v1/agents/" + agents[client] + "/secrets", fmt.Sprintf(`{"revoke":[%q]}`, latest[client]), header
		},
		heard: func(client int, answer []byte) {
			var made struct{ SecretID string }
			if err := json.Unmarshal(answer, &made); err != nil {
				b.Error(err)
			}
			latest[client] = made.SecretID
		},
	}
}

// managing is the header of calls to the management API.
func (h *house) managing(b *testing.B) http.Header {
	b.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {h.manager.ID}, "client_secret": {h.manager.Secret}, "scope": {"internal_agent_credential_create internal_agent_mgt_list internal_agent_mgt_view"}}
	answer, err := http.PostForm(h.url+"/oauth2/token", form)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		b.Fatal(err)
	}
	return http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + got.AccessToken}}
}

// row is one line of the table: what we do, beside what the yardstick does.
type row struct {
	name            string
	clients         int
	ours, yardstick target
	mine, yard      []sample
}

// ratio is the median of the rounds' ratios.
func (r *row) ratio(what func(sample) float64) float64 {
	ratios := make([]float64, len(r.mine))
	for i := range r.mine {
		ratios[i] = what(r.mine[i]) / what(r.yard[i])
	}
	return median(ratios)
}

// middle is the median of a number in the rounds.
func middle(all []sample, what func(sample) float64) float64 {
	numbers := make([]float64, len(all))
	for i, s := range all {
		numbers[i] = what(s)
	}
	return median(numbers)
}

func table(rows []*row, sign time.Duration) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-9s %7s %8s %8s %6s %9s %9s %6s %9s %9s %9s %6s %9s\n", "", "clients",
		"ours/s", "bare/s", "ratio", "CPU ours", "CPU bare", "ratio", "p50", "p99", "bare p99", "ratio", "signing")
	for _, r := range rows {
		rate := func(s sample) float64 { return s.rate }
		cpu := func(s sample) float64 { return float64(s.cpu) }
		p50 := func(s sample) float64 { return float64(s.p50) }
		p99 := func(s sample) float64 { return float64(s.p99) }
		short := func(ns float64) time.Duration { return time.Duration(ns).Round(time.Microsecond) }
		share := "-"
		if r.name == "token" || r.name == "assertion" {
			share = fmt.Sprintf("%.0f %%", 100*float64(sign)/middle(r.mine, cpu))
		}
		fmt.Fprintf(&text, "%-9s %7d %8.0f %8.0f %6.2f %9s %9s %6.2f %9s %9s %9s %6.2f %9s\n", r.name, r.clients,
			middle(r.mine, rate), middle(r.yard, rate), r.ratio(rate), short(middle(r.mine, cpu)), short(middle(r.yard, cpu)), r.ratio(cpu),
			short(middle(r.mine, p50)), short(middle(r.mine, p99)), short(middle(r.yard, p99)), r.ratio(p99), share)
	}
	return text.String()
}
