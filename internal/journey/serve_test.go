//go:build unix

package journey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server is a running `serve` over one database, and the way to ask it.
type server struct {
	t     testing.TB
	p     *process
	url   string
	token string // the admin's
}

// serve starts one and waits until it listens.
func serve(t testing.TB, database string, args ...string) *server {
	t.Helper()
	return serveWith(t, database+".token", append([]string{"--database", database}, args...)...)
}

// serveWith starts one on any kind of database.
func serveWith(t testing.TB, tokenFile string, args ...string) *server {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-token-file", tokenFile}, args...)
	cmd := exec.Command(tools(t).provider, args...) //nolint:gosec // the program that was just built
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	s := &server{t: t, p: begin(t, cmd)}
	for end := time.Now().Add(20 * time.Second); s.url == ""; time.Sleep(5 * time.Millisecond) {
		s.url = listening(s.p.stdout.String() + "\n" + s.p.stderr.String())
		if s.p.over() {
			t.Fatalf("serve ended: %s", s.p.wait())
		}
		if time.Now().After(end) {
			t.Fatalf("serve does not say that it listens: %s%s", s.p.stdout.String(), s.p.stderr.String())
		}
	}
	token, err := os.ReadFile(tokenFile) //nolint:gosec // made by the server
	if err != nil {
		t.Fatal(err)
	}
	s.token = strings.TrimSpace(string(token))
	return s
}

// listening finds the line that tells where the server listens.
func listening(log string) string {
	for line := range strings.Lines(log) {
		var said struct{ Msg, URL string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "listening" {
			return said.URL
		}
	}
	return ""
}

// stop ends it as an operator does; it must end well.
func (s *server) stop() {
	s.t.Helper()
	s.p.signal(syscall.SIGTERM)
	select {
	case <-s.p.ended:
	case <-time.After(15 * time.Second):
		s.t.Fatalf("serve does not end on SIGTERM: %s", s.p.stderr.String())
	}
	if r := s.p.wait(); r.code != 0 {
		s.t.Errorf("serve ended badly on SIGTERM: %s", r)
	}
}

// env is what makes the provider use the server at the URL, which may be that
// of a proxy.
func (s *server) env(url string) []string {
	return []string{"AGENTCREDS_ENDPOINT=" + url, "AGENTCREDS_ACCESS_TOKEN=" + s.token}
}

// caller does not keep connections: servers come and go at the same address.
var caller = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// call sends a request and reads the answer into out, if that is not nil.
func (s *server) call(method, path string, in, out any) (status int, err error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := caller.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode/100 == 2 && out != nil {
		err = json.Unmarshal(data, out)
	}
	if resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, data)
	}
	return resp.StatusCode, err
}

func (s *server) get(path string, out any) {
	s.t.Helper()
	if _, err := s.call(http.MethodGet, path, nil, out); err != nil {
		s.t.Fatal(err)
	}
}

const agentSchema = "urn:scim:wso2:agent:schema"

// agent is one of the server's.
type agent struct {
	ID         string         `json:"id"`
	ExternalID string         `json:"externalId"`
	Profile    map[string]any `json:"urn:scim:wso2:agent:schema"`
}

// key is the external id of an agent, wherever it stands.
func (a agent) key() string {
	if a.ExternalID != "" {
		return a.ExternalID
	}
	_, id, _ := strings.Cut(text(a.Profile["Description"]), "external_id=")
	return id
}

// agents lists them all, by external id.
func (s *server) agents() []agent {
	s.t.Helper()
	var all []agent
	for {
		var page struct {
			TotalResults int
			Resources    []agent
		}
		s.get(fmt.Sprintf("/scim2/Agents?startIndex=%d&count=100", len(all)+1), &page)
		all = append(all, page.Resources...)
		if len(page.Resources) == 0 || len(all) >= page.TotalResults {
			break
		}
	}
	slices.SortFunc(all, func(a, b agent) int { return strings.Compare(a.key()+a.ID, b.key()+b.ID) })
	return all
}

// secretInfo is what the server tells of a secret.
type secretInfo struct {
	SecretID  string `json:"secretId"`
	Status    string `json:"status"`
	CreatedAt int64  `json:"createdAt"`
	ExpiresAt int64  `json:"expiresAt"`
}

func (i secretInfo) live() bool { return i.Status == "ACTIVE" || i.Status == "RETIRING" }

func secretsPath(agentID string) string {
	return "/api/server/v1/agents/" + url.PathEscape(agentID) + "/secrets"
}

// secrets are an agent's, newest first: all live ones and the latest dead ones.
func (s *server) secrets(agentID string) []secretInfo {
	s.t.Helper()
	var answer struct{ List []secretInfo }
	s.get(secretsPath(agentID), &answer)
	return answer.List
}

// knows reports whether the server takes the value for that of the secret: to
// put the same again changes nothing, another is refused.
func (s *server) knows(h held) bool {
	s.t.Helper()
	status, err := s.call(http.MethodPut, secretsPath(h.agentID)+"/"+h.id, map[string]string{"secretValue": h.value}, nil)
	if err != nil && status != http.StatusConflict {
		s.t.Fatal(err)
	}
	return status == http.StatusOK
}
