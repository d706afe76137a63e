package secret_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// pair is the two halves of an age key, as age-keygen writes them.
type pair struct{ recipient, identity string }

func classic(t testing.TB) pair {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return pair{id.Recipient().String(), id.String()}
}

func hybrid(t testing.TB) pair {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return pair{id.Recipient().String(), id.String()}
}

func identities(t testing.TB, pairs ...pair) secret.Identities {
	t.Helper()
	var text strings.Builder
	text.WriteString("# created: by a test\n")
	for _, p := range pairs {
		text.WriteString("# public key: " + p.recipient + "\r\n  " + p.identity + "\n\n")
	}
	ids, err := secret.ParseIdentities(secret.New(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func seal(t testing.TB, e secret.Envelope, to ...string) string {
	t.Helper()
	s, err := secret.NewSealer(to)
	if err != nil {
		t.Fatal(err)
	}
	return s.Seal(e)
}

const (
	agentA = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
	agentB = "5d2f9f4e-1c55-4a2b-8f6e-7a3f0f6f3b21"
)

func anEnvelope() secret.Envelope {
	return secret.Envelope{AgentID: agentA, SecretID: agentB, Version: 1767225600123, Value: secret.Generate()}
}

func TestEnvelope(t *testing.T) {
	a, b, q := classic(t), classic(t), hybrid(t)
	for _, tt := range []struct {
		name string
		to   []string
		by   secret.Identities
	}{
		{"one", []string{a.recipient}, identities(t, a)},
		{"the first of two", []string{a.recipient, b.recipient}, identities(t, a)},
		{"the second of two", []string{a.recipient, b.recipient}, identities(t, b)},
		{"one of several identities", []string{a.recipient}, identities(t, b, q, a)},
		{"post-quantum", []string{q.recipient}, identities(t, q)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := anEnvelope()
			sealed := seal(t, want, tt.to...)
			got, err := secret.OpenEnvelope(sealed, tt.by, want.AgentID, want.Version)
			if err != nil || got.AgentID != want.AgentID || got.SecretID != want.SecretID || got.Version != want.Version || !got.Value.Equal(want.Value) {
				t.Errorf("OpenEnvelope = %+v, %v; want %+v", got, err, want)
			}
			if again := seal(t, want, tt.to...); again == sealed {
				t.Error("the same is sealed to the same text twice")
			}
			for _, plain := range []string{want.Value.Reveal(), want.AgentID, "secret_id"} {
				if strings.Contains(sealed, plain) {
					t.Errorf("the envelope shows %q", plain)
				}
			}
		})
	}
}

// TestEnvelopeRefused: each reason is told apart.
func TestEnvelopeRefused(t *testing.T) {
	a, b := classic(t), classic(t)
	e := anEnvelope()
	sealed := seal(t, e, a.recipient)
	lines := strings.Split(sealed, "\n")
	middle := []byte(sealed)
	middle[len(middle)/2] ^= 2
	empty := e
	empty.Value = secret.Text{}
	mine := identities(t, a)
	for _, tt := range []struct {
		name, sealed, agent string
		version             int64
		by                  secret.Identities
		want                error
		says                string
	}{
		{"another agent", sealed, agentB, e.Version, mine, secret.ErrForeign, agentA},
		{"the version before", sealed, e.AgentID, e.Version - 1, mine, secret.ErrForeign, fmt.Sprint(e.Version)},
		{"the version after", sealed, e.AgentID, e.Version + 1, mine, secret.ErrForeign, fmt.Sprint(e.Version + 1)},
		{"sealed to others", sealed, e.AgentID, e.Version, identities(t, b), secret.ErrNotForUs, "sealed to others"},
		{"no identities", sealed, e.AgentID, e.Version, secret.Identities{}, secret.ErrNotForUs, "no identities"},
		{"altered", string(middle), e.AgentID, e.Version, mine, secret.ErrDamaged, "cut or altered"},
		{"cut", strings.Join(lines[:len(lines)-3], "\n"), e.AgentID, e.Version, mine, secret.ErrDamaged, "cut or altered"},
		{"followed by more", sealed + "more", e.AgentID, e.Version, mine, secret.ErrDamaged, "cut or altered"},
		{"empty", "", e.AgentID, e.Version, mine, secret.ErrDamaged, "BEGIN AGE"},
		{"no envelope", e.Value.Reveal(), e.AgentID, e.Version, mine, secret.ErrDamaged, "BEGIN AGE"},
		{"not ours", sealedBy(t, a, `{"agent_id":"`+e.AgentID+`","version":1,"secret":"x"}`), e.AgentID, 1, mine, secret.ErrDamaged, "not a secret of this provider"},
		{"not JSON", sealedBy(t, a, e.Value.Reveal()), e.AgentID, e.Version, mine, secret.ErrDamaged, "not a secret of this provider"},
		{"without a secret", seal(t, empty, a.recipient), e.AgentID, e.Version, mine, secret.ErrDamaged, "no secret in it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := secret.OpenEnvelope(tt.sealed, tt.by, tt.agent, tt.version)
			if !errors.Is(err, tt.want) || !got.Value.IsZero() {
				t.Fatalf("OpenEnvelope = %v, %v; want %v", got, err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), e.Value.Reveal()) {
				t.Errorf("the error is %q", err)
			}
		})
	}
}

// sealedBy is an envelope that somebody else made, for what is in it.
func sealedBy(t testing.TB, to pair, plain string) string {
	t.Helper()
	out, err := encrypt(to.recipient, plain)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCheckRecipients(t *testing.T) {
	a, b, q := classic(t), classic(t), hybrid(t)
	for _, tt := range []struct {
		name string
		list []string
		says string // "": they are good
	}{
		{"one", []string{a.recipient}, ""},
		{"two", []string{a.recipient, b.recipient}, ""},
		{"post-quantum", []string{q.recipient, hybrid(t).recipient}, ""},
		{"none", nil, "no recipient"},
		{"both kinds", []string{a.recipient, q.recipient}, "do not go together"},
		{"both kinds, the other way", []string{q.recipient, a.recipient}, "do not go together"},
		{"SSH", []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@example.com"}, "SSH (ssh-ed25519)"},
		{"plugin", []string{"age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"}, "plugins"},
		{"typing error", []string{a.recipient[:20] + "x" + a.recipient[21:] + "q"}, "typing error"},
		{"blank", []string{" " + a.recipient}, "trimspace"},
		{"read from a file", []string{q.recipient + "\n"}, "trimspace"},
		{"two in one", []string{a.recipient + "\n" + b.recipient}, "an element of its own"},
		{"empty", []string{""}, "empty or null"},
		{"private", []string{a.identity}, "private key"},
		{"private, post-quantum", []string{b.recipient, q.identity}, "private key"},
		{"private, small", []string{strings.ToLower(a.identity)}, "private key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := secret.CheckRecipients(tt.list)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("CheckRecipients = %v, want %q", err, tt.says)
			}
			for _, id := range []string{a.identity, q.identity} {
				if err != nil && strings.Contains(strings.ToUpper(err.Error()), id[16:30]) {
					t.Errorf("the error shows the private key: %v", err)
				}
			}
		})
	}
}

func TestParseIdentities(t *testing.T) {
	a, q := classic(t), hybrid(t)
	for _, tt := range []struct{ name, text, says string }{
		{"one", a.identity, ""},
		{"two", a.identity + "\n" + q.identity, ""},
		{"none", "# nothing\n\n", "no identity"},
		{"empty", "", "no identity"},
		{"in one line", "# created: 2026 # public key: " + a.recipient + " " + a.identity, "line breaks"},
		{"a public key", a.recipient, "opens nothing"},
		{"a part", "# a\n" + a.identity[:40], "line 2"},
		{"more", a.identity + "X", "a part of it is missing"},
		{"plugin", "AGE-PLUGIN-YUBIKEY-1QQQ", "plugins"},
		{"SSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "SSH"},
		{"encrypted", sealedBy(t, a, q.identity), "passphrase"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids, err := secret.ParseIdentities(secret.New(tt.text))
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("ParseIdentities = %v, want %q", err, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), a.identity[20:30]) {
				t.Errorf("the error shows the key: %v", err)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
				if got := fmt.Sprintf(verb, ids) + fmt.Sprintf(verb, struct{ x secret.Identities }{ids}); strings.Contains(got, "AGE-SECRET") {
					t.Errorf("%s prints %s", verb, got)
				}
			}
		})
	}
}
