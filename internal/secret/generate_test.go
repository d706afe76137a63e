package secret_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

var shape = regexp.MustCompile(`^agcs_[0-9A-Za-z]{49}$`)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// TestGenerate makes a million secrets: of the right shape, all different, good
// for the policies that are common, and every character as likely as any other.
func TestGenerate(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	seen := make(map[string]bool, n)
	count := map[byte]int{}
	for range n {
		s := secret.Generate()
		text := s.Reveal()
		switch {
		case !shape.MatchString(text) || !s.HasOurShape():
			t.Fatalf("%q is not of our shape", text)
		case seen[text]:
			t.Fatalf("%q was made twice", text)
		case secret.Check(s) != nil:
			t.Fatalf("%q does not satisfy our own policy: %v", text, secret.Check(s))
		case s.Hint() != text[len(text)-4:]:
			t.Fatalf("hint of %q = %q", text, s.Hint())
		case !strings.ContainsAny(text, "0123456789") || !strings.ContainsAny(text, "_-."):
			t.Fatalf("%q lacks a digit or a special character", text)
		}
		seen[text] = true
		for _, c := range []byte(text[len("agcs_") : len("agcs_")+43]) {
			count[c]++
		}
	}
	// Chi-square with 61 degrees of freedom: 153 is passed by chance once
	// in a thousand million runs. A generator that takes bytes modulo 62
	// without dropping some comes to about 350,000.
	expected := float64(n) * 43 / float64(len(alphabet))
	var chi float64
	for _, c := range []byte(alphabet) {
		d := float64(count[c]) - expected
		chi += d * d / expected
	}
	if len(count) != len(alphabet) || chi > 153 {
		t.Errorf("chi-square over %d characters = %.1f, want at most 153", len(count), chi)
	}
}

// TestEntropy: what is drawn at random are at least 256 bits, after all that is
// dropped for the policies.
func TestEntropy(t *testing.T) {
	digits, upper := math.Pow(52./62, 43), math.Pow(36./62, 43) // the bodies without one
	bits := 43*math.Log2(62) + math.Log2(1-digits-upper)
	if bits < 256 {
		t.Errorf("a secret has %.3f bits", bits)
	}
}

// TestShape: the checksum tells ours from what only looks so.
func TestShape(t *testing.T) {
	ours := secret.Generate().Reveal()
	change := func(i int) string {
		c := byte('x')
		if ours[i] == c {
			c = 'y'
		}
		return ours[:i] + string(c) + ours[i+1:]
	}
	for i := range ours {
		if s := secret.New(change(i)); s.HasOurShape() || s.Hint() != "" {
			t.Errorf("%q with character %d changed is of our shape", ours, i)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "prefix": "agcs_", "shorter": ours[:len(ours)-1], "longer": ours + "0", "space": ours + " ",
		"upper-case prefix": "AGCS_" + ours[5:], "newline": ours + "\n", "not base 62": "agcs_" + strings.Repeat("-", 49),
		"not ASCII": "agcs_" + strings.Repeat("é", 24) + "0", "password": "Correct-Horse-7",
	} {
		if s := secret.New(text); s.HasOurShape() || s.Hint() != "" {
			t.Errorf("%s: %q is of our shape", name, text)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		text string
		says string // "" means that it is taken
	}{
		{"AgentSecret@123", ""},
		{"NewSecret#123", ""},
		{"GeneratedSecret#123", ""},
		{"K#B79pB%dq*v7sE!", ""}, // as WSO2 makes them
		{"Abcdefg1", ""},
		{"Abcdef 1", ""},
		{"Äbcdefg1", ""},
		{"Пароль-12", ""},
		{strings.Repeat("aB3", 33) + "x", ""},
		{strings.Repeat("aB3é", 25), ""}, // 100 characters, more bytes
		{"", "0 characters"},
		{"Abcdef1", "7 characters"},
		{strings.Repeat("aB3", 34), "102 characters"},
		{"abcdefg1", "upper-case"},
		{"ABCDEFG1", "lower-case"},
		{"Abcdefgh", "digit"},
		{"12345678", "lower-case"},
		{"Abcdefg1\n", "control"},
		{"Abcdefg1\x00", "control"},
		{"Abcdefg1\u0085", "control"},
		{"Abcdefg1\xff", "UTF-8"},
	} {
		err := secret.Check(secret.New(tt.text))
		switch {
		case tt.says == "" && err != nil:
			t.Errorf("Check(%q) = %v, want nil", tt.text, err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("Check(%q) = %v, want an error that says %q", tt.text, err, tt.says)
		case err != nil && tt.text != "" && strings.Contains(err.Error(), tt.text):
			t.Errorf("Check(%q) repeats the secret: %v", tt.text, err)
		}
	}
}
