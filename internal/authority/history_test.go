package authority_test

import (
	"crypto/x509"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// R13: agents log in without a pause while their secrets are rotated with an
// overlap. No login fails; when the last secret is revoked, none succeeds.
// AGENTCREDS_TEST_ROTATIONS says how often, 640 times if nothing else.
func TestRotationUnderLoad(t *testing.T) {
	const agents = 32
	rotations := 640
	if n, err := strconv.Atoi(os.Getenv("AGENTCREDS_TEST_ROTATIONS")); err == nil {
		rotations = n
	}
	o := newOffice(t, "")
	var rotating, logging sync.WaitGroup
	var logins atomic.Int64
	for range agents {
		bot := o.bot(t, authority.AgentChange{})
		var present atomic.Pointer[secret.Text]
		present.Store(&bot.Secret)
		var revoked atomic.Bool
		var mine atomic.Int64
		stop := make(chan struct{})
		logging.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ended, l := revoked.Load(), bot
				l.Secret = *present.Load()
				_, err := o.Login(t.Context(), l)
				switch {
				case err == nil && ended:
					t.Error("a login succeeds after the revocation was answered")
				case err == nil:
					logins.Add(1)
					mine.Add(1)
				case !ended && !revoked.Load():
					// The revocation may be under way: then the agent is blocked.
					if a, _ := o.Agent(t.Context(), bot.ID); a.RevokedAt.IsZero() {
						t.Errorf("a login fails inside the window: %v", err)
					}
				}
			}
		})
		rotating.Go(func() {
			defer close(stop)
			for range rotations / agents {
				secrets, err := o.Secrets(t.Context(), bot.ID)
				if err != nil {
					t.Error(err)
					return
				}
				n := authority.NewSecret{AgentID: bot.ID, Previous: &authority.Retire{ID: secrets[0].ID, Expires: o.clock.in(time.Hour)}}
				for _, s := range secrets[1:] {
					if s.Status == authority.StatusRetiring { // the one before the last: nobody has it any more
						n.Revoke = append(n.Revoke, s.ID)
					}
				}
				_, value, err := o.AddSecret(t.Context(), admin, n)
				if err != nil {
					t.Error(err)
					return
				}
				present.Store(&value)
				before := mine.Load()
				for end := time.Now().Add(10 * time.Second); mine.Load() < before+2 && time.Now().Before(end); {
					time.Sleep(time.Millisecond) // all that read the old secret have used it
				}
			}
			if _, err := o.RevokeAgent(t.Context(), admin, bot.ID); err != nil {
				t.Error(err)
			}
			revoked.Store(true)
			time.Sleep(20 * time.Millisecond)
		})
	}
	rotating.Wait()
	logging.Wait()
	t.Logf("%d logins beside %d rotations of %d agents", logins.Load(), rotations, agents)
	if int(logins.Load()) < rotations {
		t.Errorf("%d logins beside %d rotations", logins.Load(), rotations)
	}
}

// beside is another process's office on the same file.
func (o *office) beside(t testing.TB) *office {
	t.Helper()
	s := openStore(t, o.path, o.clock)
	second, err := authority.New(authority.Config{Store: s, Now: o.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Authority: second, store: s, clock: o.clock, path: o.path}
	return &office{w, w.issuer(t, authority.IssuerConfig{})}
}

// entrance is an agent's way in, and what ends it.
type entrance struct {
	agentID string
	login   func() authority.Login // a fresh assertion each time: one is good once
	revoke  func() error
}

// entrances are a secret, a key, a certificate, each of a new agent that has
// nothing else.
func (o *office) entrances(t *testing.T) []entrance {
	t.Helper()
	bySecret, byKey, byCertificate := o.bot(t, authority.AgentChange{}), o.keyed(t), o.bot(t, authority.AgentChange{})
	first := o.get(t, bySecret.ID).Secrets[0].ID
	given := selfSigned(t, x509.Certificate{
		NotBefore: o.clock.Now().Add(-time.Hour), NotAfter: o.clock.Now().Add(time.Hour), ExtKeyUsage: clientOnly,
	}, pairs()["ES256"])
	o.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: byCertificate.ID}, ID: "c1", CertificatePEM: given})
	shown := showing(byCertificate, chainOf(t, given))
	return []entrance{
		{bySecret.ID, func() authority.Login { return bySecret }, func() error {
			return o.RevokeSecret(t.Context(), admin, bySecret.ID, first, nil)
		}},
		{byKey.ID, func() authority.Login {
			return asserting(byKey, byLibrary(t, "ES256", "k1", o.claims(byKey.ID, nil), pairs()["ES256"]))
		}, func() error {
			return o.RevokePublicKey(t.Context(), admin, byKey.ID, "k1", nil)
		}},
		{byCertificate.ID, func() authority.Login { return shown }, func() error {
			return o.RevokeCertificate(t.Context(), admin, byCertificate.ID, "c1", nil)
		}},
	}
}

// S9: 16 goroutines log in and inspect while secrets, keys, certificates and
// agents are revoked, over two processes' stores. Whatever begins after a
// revocation was answered is refused.
func TestRevocationHistory(t *testing.T) {
	o := newOffice(t, "")
	other := o.beside(t)
	for round := range 12 {
		for _, e := range o.entrances(t) {
			o.revokedWhile(t, other, e, round)
		}
	}
}

func (o *office) revokedWhile(t *testing.T, other *office, e entrance, round int) {
	t.Helper()
	token := o.in(t, e.login())
	var ended atomic.Bool
	var done sync.WaitGroup
	made := make([][]authority.Token, 16) // who is through before the revocation cannot check them
	for g := range made {
		at := []*office{o, other}[g%2]
		done.Go(func() {
			for range 40 {
				l := e.login() // before the look: it takes time to sign
				after := ended.Load()
				var err error
				if g%4 < 2 {
					_, err = at.Inspect(t.Context(), token.Value)
				} else {
					var token authority.Token
					if token, err = at.Login(t.Context(), l); err == nil {
						made[g] = append(made[g], token)
					}
				}
				if err == nil && after {
					t.Error("accepted after the revocation was answered")
				}
				if after && err != nil {
					return
				}
			}
		})
	}
	time.Sleep(time.Duration(round%10) * time.Millisecond)
	var err error
	switch round % 4 {
	case 0:
		err = e.revoke()
	case 1:
		_, err = o.RevokeAgent(t.Context(), admin, e.agentID)
	case 2:
		_, err = o.ChangeAgent(t.Context(), admin, e.agentID, authority.AgentChange{Active: new(false)})
	case 3:
		err = o.DeleteAgent(t.Context(), admin, e.agentID, "")
	}
	ended.Store(true)
	if err != nil {
		t.Fatal(err)
	}
	done.Wait()
	for g, tokens := range made {
		for _, token := range tokens {
			[]*office{o, other}[g%2].wantActive(t, "a token that was made before the revocation was answered", token, false)
		}
	}
}
