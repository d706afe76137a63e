//go:build unix

package journey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// agentWith is an agent that may use some methods, with some credentials.
func agentWith(methods []string, credentials ...string) string {
	return header + fmt.Sprintf(`
resource "agentcreds_agent" "bot" {
  display_name         = "Bot"
  allowed_auth_methods = ["%s"]
}
`, strings.Join(methods, `", "`)) + lines(credentials...)
}

// Credentials of that agent. A key is the one in agent.pub, and a certificate is
// for that of agent.csr.
const (
	secretBlock = `
resource "agentcreds_agent_secret" "bot" {
  agent_id = agentcreds_agent.bot.id
}`
	certificateBlock = `
resource "agentcreds_agent_certificate" "bot" {
  agent_id     = agentcreds_agent.bot.id
  csr_pem      = file("agent.csr")
  validity     = "24h"
  grace_period = "1h"
}`
	keyBlock = `
resource "agentcreds_agent_key" "bot" {
  agent_id       = agentcreds_agent.bot.id
  public_key_pem = file("agent.pub")
  grace_period   = "%s"
}`
)

// tlsServe starts a server that speaks TLS, by a certificate of its own making,
// and makes a workspace use it.
func tlsServe(t *testing.T, w *workspace) (*server, string) {
	t.Helper()
	s := serve(t, w.path(database), "--tls-self-signed")
	certificate := w.path(database + ".tls-cert")
	w.env = append(s.env(s.url), "AGENTCREDS_CA_CERTIFICATE="+certificate)
	return s, string(w.read(database + ".tls-cert"))
}

// TestJourney_migration: an agent moves from a secret to a key, and on to a
// certificate, each time as two plain applies: the second method comes, the
// consumer follows, the first one goes. No login fails on the way, and the old
// way in is closed then.
func TestJourney_migration(t *testing.T) {
	t.Parallel()
	for n := range number(t, "AGENTCREDS_TEST_MIGRATIONS", 1) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, agentWith([]string{"client_secret_basic", "client_secret_post"}, secretBlock))
			s, ca := tlsServe(t, w)
			defer s.stop()
			w.must("apply")
			first := w.state()
			id := first.agentIDs()[0]
			web := s.trusting(ca)
			secret := s.bySecret(web, id, first.secrets()[id].value)
			c := consume(t, s, secret)
			move := func(config string, args ...string) {
				t.Helper()
				w.write("main.tf", config)
				w.must("apply", args...)
				w.settled()
			}

			// In one apply it is refused: nobody has shown that the key works.
			mine := newPair()
			w.write("agent.pub", mine.public)
			key := fmt.Sprintf(keyBlock, "1h")
			w.write("main.tf", agentWith([]string{"private_key_jwt"}, key))
			if r := w.run("apply"); r.code != 1 || !strings.Contains(r.stderr, "The agent would be locked out") || !strings.Contains(r.stderr, "two applies") {
				t.Errorf("both at once: %s", r)
			}
			move(agentWith([]string{"client_secret_post", "private_key_jwt"}, secretBlock, key))
			byKey := s.byKey(web, id, mine)
			c.follow(byKey)
			move(agentWith([]string{"private_key_jwt"}, key))
			c.follow(byKey)
			s.refuses(secret)

			own := newPair()
			w.write("agent.csr", own.request(t))
			move(agentWith([]string{"private_key_jwt", "tls_client_auth"}, key, certificateBlock))
			byCertificate := s.byCertificate(ca, id, own, text(w.state().attributes("agentcreds_agent_certificate")[0]["certificate_pem"]))
			c.follow(byCertificate)
			move(agentWith([]string{"tls_client_auth"}, certificateBlock))
			c.follow(byCertificate)
			s.refuses(secret)
			s.refuses(byKey)

			c.end()
			t.Logf("%d logins", c.logins.Load())
			w.must("destroy")
			s.refuses(byCertificate)
		})
	}
}

// TestJourney_keyRotation: a key is rotated in place while its agent logs in. No
// login fails inside the grace; when it has ended, the old key opens nothing,
// and one that has no grace at all ends at once.
func TestJourney_keyRotation(t *testing.T) {
	t.Parallel()
	config := func(grace string) string { return agentWith([]string{"private_key_jwt"}, fmt.Sprintf(keyBlock, grace)) }
	w := newWorkspace(t, config("1h"))
	s, ca := tlsServe(t, w)
	defer s.stop()
	present := newPair()
	w.write("agent.pub", present.public)
	w.must("apply")
	id, web := w.state().agentIDs()[0], s.trusting(ca)
	c := consume(t, s, s.byKey(web, id, present))
	rotate := func(grace string) (old pair) {
		t.Helper()
		old, present = present, newPair()
		w.write("main.tf", config(grace))
		w.write("agent.pub", present.public)
		w.must("apply")
		return old
	}
	for range number(t, "AGENTCREDS_TEST_KEY_ROTATIONS", 3) {
		old := rotate("1h")
		if status, body := s.enter(s.byKey(web, id, old)); status != 200 {
			t.Errorf("inside its grace the old key gets %d %s", status, body)
		}
		c.follow(s.byKey(web, id, present))
	}

	old := rotate("2s")
	ends, err := time.Parse(time.RFC3339, text(previousOf(w.state())["expires_at"]))
	if err != nil {
		t.Fatal(err)
	}
	// Two seconds are too short to follow without a failure, if the machine is
	// slow: who has not followed by then is refused, as it must be.
	c.end()
	next := consume(t, s, s.byKey(web, id, present))
	time.Sleep(time.Until(ends) + 50*time.Millisecond)
	s.refuses(s.byKey(web, id, old))

	next.end()
	old = rotate("0s")
	s.refuses(s.byKey(web, id, old))
	if status, body := s.enter(s.byKey(web, id, present)); status != 200 {
		t.Errorf("the new key gets %d %s", status, body)
	}
	w.settled()
	w.must("apply", "-destroy", "-target=agentcreds_agent_key.bot")
	s.refuses(s.byKey(web, id, present))
	t.Logf("%d logins", c.logins.Load()+next.logins.Load())
}

// TestJourney_certificateRotation: another request takes the place of the first
// while the agent logs in. No login fails inside the grace; without a grace the
// old certificate ends at once.
func TestJourney_certificateRotation(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, agentWith([]string{"tls_client_auth"}, certificateBlock))
	s, ca := tlsServe(t, w)
	defer s.stop()
	rotate := func() credential {
		t.Helper()
		own := newPair()
		w.write("agent.csr", own.request(t))
		w.must("apply")
		st := w.state()
		return s.byCertificate(ca, st.agentIDs()[0], own, text(st.attributes("agentcreds_agent_certificate")[0]["certificate_pem"]))
	}
	present := rotate()
	c := consume(t, s, present)
	for range number(t, "AGENTCREDS_TEST_KEY_ROTATIONS", 3) {
		old := present
		present = rotate()
		if status, body := s.enter(old); status != 200 {
			t.Errorf("inside its grace the old certificate gets %d %s", status, body)
		}
		c.follow(present)
	}
	c.end()
	w.write("main.tf", strings.Replace(string(w.read("main.tf")), `"1h"`, `"0s"`, 1))
	last := rotate()
	s.refuses(present)
	if status, body := s.enter(last); status != 200 {
		t.Errorf("the new certificate gets %d %s", status, body)
	}
	w.settled()
	t.Logf("%d logins", c.logins.Load())
}

// previousOf is what the state has as previous of its key.
func previousOf(st state) map[string]any {
	previous, _ := st.attributes("agentcreds_agent_key")[0]["previous"].(map[string]any)
	return previous
}
