package authority_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const issuerURL = "https://auth.example"

// office is a world whose agents log in.
type office struct {
	*world
	*authority.Issuer
}

func sealKey(t testing.TB, fill byte) secret.SealKey {
	t.Helper()
	k, err := secret.NewSealKey(bytes.Repeat([]byte{fill}, secret.SealKeyLen))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newOffice(t testing.TB, alg string) *office {
	t.Helper()
	w := newWorld(t, 2)
	return &office{w, w.issuer(t, authority.IssuerConfig{Alg: alg})}
}

// issuer is one more issuer on the same authority.
func (w *world) issuer(t testing.TB, cfg authority.IssuerConfig) *authority.Issuer {
	t.Helper()
	cfg.Authority, cfg.URL = w.Authority, issuerURL
	if cfg.Seal == nil {
		cfg.Seal = func() (secret.SealKey, error) { return sealKey(t, 1), nil }
	}
	i, err := authority.NewIssuer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return i
}

// bot is an agent with its first secret.
func (o *office) bot(t testing.TB, c authority.AgentChange) authority.Login {
	t.Helper()
	a, value, err := o.CreateAgent(t.Context(), admin, authority.NewAgent{AgentChange: c})
	if err != nil {
		t.Fatal(err)
	}
	return authority.Login{ID: a.ID, Secret: value, Method: "client_secret_basic", Address: "192.0.2.1"}
}

// terraform is a management client.
func (o *office) terraform(t testing.TB, scopes ...string) authority.Login {
	t.Helper()
	c, value, err := o.CreateClient(t.Context(), admin, authority.NewClient{Name: "terraform", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return authority.Login{ID: c.ID, Secret: value, Method: "client_secret_post", Address: "192.0.2.2"}
}

// in logs in, which must go well.
func (o *office) in(t testing.TB, l authority.Login) authority.Token {
	t.Helper()
	token, err := o.Login(t.Context(), l)
	if err != nil {
		t.Fatalf("Login = %v", err)
	}
	return token
}

// wantActive checks whether a token is in force.
func (o *office) wantActive(t *testing.T, what string, token authority.Token, want bool) {
	t.Helper()
	_, err := o.Inspect(t.Context(), token.Value)
	if (err == nil) != want {
		t.Errorf("%s: Inspect = %v, want it in force: %v", what, err, want)
	}
	if err != nil {
		wantRefusal(t, err, authority.BadToken)
	}
}

// wantRefusal is wantKind for what callers never read as a sentence.
func wantRefusal(t *testing.T, err error, want authority.Kind) {
	t.Helper()
	if refusal, ok := errors.AsType[*authority.Error](err); !ok || refusal.Kind != want {
		t.Errorf("got %v, want a refusal of kind %d", err, want)
	}
}

// Who may log in, and what the audit says of who may not.
func TestLogin(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	weak := o.bot(t, authority.AgentChange{Password: chosen()})
	keyed := o.bot(t, authority.AgentChange{AuthMethods: &[]string{"private_key_jwt"}})
	blocked, locked, revoked := o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{})
	o.change(t, blocked.ID, authority.AgentChange{Active: new(false)})
	o.change(t, locked.ID, authority.AgentChange{Locked: new(true)})
	if _, err := o.RevokeAgent(t.Context(), admin, revoked.ID); err != nil {
		t.Fatal(err)
	}
	tf := o.terraform(t)
	with := func(l authority.Login, change func(*authority.Login)) authority.Login {
		change(&l)
		return l
	}
	for _, tt := range []struct {
		name   string
		login  authority.Login
		reason string // in the audit; "" logs in, "-" leaves no entry
	}{
		{"agent", bot, ""},
		{"agent, chosen secret", with(weak, func(l *authority.Login) { l.Secret = chosen() }), ""},
		{"client", tf, ""},
		{"wrong secret", with(bot, func(l *authority.Login) { l.Secret = secret.Generate() }), "none of its live ones"},
		{"wrong secret of another shape", with(bot, func(l *authority.Login) { l.Secret = secret.New("x") }), "none of its live ones"},
		{"no secret", with(bot, func(l *authority.Login) { l.Secret = secret.Text{} }), "none of its live ones"},
		{"another's secret", with(bot, func(l *authority.Login) { l.Secret = tf.Secret }), "none of its live ones"},
		{"the digest", with(bot, func(l *authority.Login) { l.Secret = secret.New(o.get(t, bot.ID).Secrets[0].Digest) }), "none of its live ones"},
		{"client, wrong secret", with(tf, func(l *authority.Login) { l.Secret = bot.Secret }), "none of its live ones"},
		{"unknown id", with(bot, func(l *authority.Login) { l.ID = idOne }), "-"},
		{"empty id", with(bot, func(l *authority.Login) { l.ID = "" }), "-"},
		{"upper case id", with(bot, func(l *authority.Login) { l.ID = strings.ToUpper(l.ID) }), "-"},
		{"blocked", blocked, "blocked"},
		{"locked", locked, "blocked"},
		{"revoked", revoked, "none of its live ones"},
		{"method that it may not use", keyed, "may not use client_secret_basic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(o.trail(t))
			token, err := o.Login(t.Context(), tt.login)
			if tt.reason == "" {
				if err != nil || token.Value.IsZero() {
					t.Fatalf("Login = %v", err)
				}
				o.wantActive(t, "new token", token, true)
			} else {
				wantRefusal(t, err, authority.BadLogin)
				if !token.Value.IsZero() {
					t.Error("a refused login gave a token")
				}
			}
			entries := o.trail(t)[before:]
			for len(entries) > 0 && entries[0].Action == audit.KeyCreate {
				entries = entries[1:]
			}
			if tt.reason == "-" {
				if len(entries) != 0 {
					t.Errorf("an unknown id left %+v", entries)
				}
				return
			}
			if len(entries) != 1 {
				t.Fatalf("%d entries, want one", len(entries))
			}
			e := entries[0]
			if e.Action != audit.TokenIssue || e.Detail["address"] != tt.login.Address || e.Detail["method"] != tt.login.Method ||
				!strings.HasSuffix(e.Actor, ":"+tt.login.ID) || !strings.Contains(e.Reason, tt.reason) ||
				(e.Outcome == audit.Refused) != (tt.reason != "") {
				t.Errorf("the entry is %+v", e)
			}
		})
	}
	if got, err := o.Failures(t.Context()); got.Unknown != 3 {
		t.Errorf("%d unknown ids were counted, want 3: %v", got.Unknown, err)
	}
	o.wantNoSecret(t, bot.Secret, tf.Secret, weak.Secret)
}

// Expiry and the end of a grace stop logins; a rotation with grace stops none.
func TestLogin_lives(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	old := o.get(t, bot.ID).Secrets[0].ID
	_, next, err := o.AddSecret(t.Context(), admin, authority.NewSecret{
		AgentID: bot.ID, Expires: o.clock.in(2 * time.Hour), Previous: &authority.Retire{ID: old, Expires: o.clock.in(time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	newer := bot
	newer.Secret = next
	first := o.in(t, bot)
	o.in(t, newer)
	o.clock.Add(time.Hour - time.Second)
	last := o.in(t, bot)
	o.clock.Add(time.Second)
	if _, err := o.Login(t.Context(), bot); err == nil {
		t.Error("the old secret works when its grace is over")
	}
	o.wantActive(t, "token made a second before the end of the grace", last, true)
	o.wantActive(t, "expired token", first, false)
	o.in(t, newer)
	o.clock.Add(time.Hour)
	if _, err := o.Login(t.Context(), newer); err == nil {
		t.Error("an expired secret works")
	}
}

// What cannot be entered into the audit, or signed, gives no token.
func TestLogin_unwritable(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	o.in(t, bot)
	o.breakAudit(t)
	for name, l := range map[string]authority.Login{
		"right secret": bot, "wrong secret": {ID: bot.ID, Secret: secret.Generate(), Address: "x"},
	} {
		token, err := o.Login(t.Context(), l)
		if _, refusal := errors.AsType[*authority.Error](err); err == nil || refusal || !token.Value.IsZero() {
			t.Errorf("%s: Login = %v, want that the store is broken", name, err)
		}
	}
}

// Last use is written behind, within a second, and by Close.
func TestLogin_uses(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	used := func() authority.Secret { return o.get(t, bot.ID).Secrets[0] }
	o.in(t, bot)
	began := o.clock.Now()
	wait(t, "first use is written", func() bool { return used().FirstUsed.Equal(began) && used().LastUsed.Equal(began) })
	entries := len(o.trail(t))
	o.clock.Add(time.Minute)
	for range 20 {
		o.in(t, bot)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := used(); !s.FirstUsed.Equal(began) || !s.LastUsed.Equal(o.clock.Now()) {
		t.Errorf("first used %v, last %v", s.FirstUsed, s.LastUsed)
	}
	if got := len(o.trail(t)) - entries; got != 20 {
		t.Errorf("%d entries for 20 logins", got)
	}
	if _, err := o.Authenticate(t.Context(), authority.Login{ID: bot.ID, Secret: secret.Generate(), Address: "x"}); err == nil {
		t.Error("Authenticate takes a wrong secret")
	}
}

// wait waits at most a second, which is what a crash may lose, and a bit for a
// slow machine.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a second", what)
		}
	}
}

func TestIssuerConfig(t *testing.T) {
	w := newWorld(t, 1)
	seal := func() (secret.SealKey, error) { return sealKey(t, 1), nil }
	good := authority.IssuerConfig{Authority: w.Authority, URL: issuerURL, Seal: seal}
	for name, tt := range map[string]struct {
		change func(*authority.IssuerConfig)
		ok     bool
	}{
		"good":         {func(*authority.IssuerConfig) {}, true},
		"path":         {func(c *authority.IssuerConfig) { c.URL += "/t/acme" }, true},
		"slash":        {func(c *authority.IssuerConfig) { c.URL += "/" }, false},
		"query":        {func(c *authority.IssuerConfig) { c.URL += "?a" }, false},
		"empty query":  {func(c *authority.IssuerConfig) { c.URL += "?" }, false},
		"fragment":     {func(c *authority.IssuerConfig) { c.URL += "#a" }, false},
		"no URL":       {func(c *authority.IssuerConfig) { c.URL = "auth" }, false},
		"no seal":      {func(c *authority.IssuerConfig) { c.Seal = nil }, false},
		"no authority": {func(c *authority.IssuerConfig) { c.Authority = nil }, false},
		"HS256":        {func(c *authority.IssuerConfig) { c.Alg = "HS256" }, false},
		"none":         {func(c *authority.IssuerConfig) { c.Alg = "none" }, false},
		"an hour":      {func(c *authority.IssuerConfig) { c.Life = time.Hour }, true},
		"too long":     {func(c *authority.IssuerConfig) { c.Life = time.Hour + 1 }, false},
		"too short":    {func(c *authority.IssuerConfig) { c.Life = 1 }, false},
	} {
		cfg := good
		tt.change(&cfg)
		if _, err := authority.NewIssuer(cfg); (err == nil) != tt.ok {
			t.Errorf("%s: NewIssuer = %v", name, err)
		}
	}
}
