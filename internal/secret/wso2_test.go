package secret_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Asgardeo's own example of a secret has this form too: K#B79pB%dq*v7sE!
var asgardeoForm = regexp.MustCompile(`^([2-9a-hjkmnp-zA-HJKMNP-Z!@#$%&*]{4}[2-9][a-hjkmnp-z][A-HJKMNP-Z][!@#$%&*]){2}$`)

func TestGenerateAsgardeo(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := secret.GenerateAsgardeo()
		if err := secret.Check(s); err != nil || !asgardeoForm.MatchString(s.Reveal()) || seen[s.Reveal()] {
			t.Fatalf("%q: %v", s.Reveal(), err)
		}
		seen[s.Reveal()] = true
	}
}

func TestGenerateWSO2(t *testing.T) {
	count := map[rune]int{}
	const n = 2000
	for range n {
		s := secret.GenerateWSO2()
		text := s.Reveal()
		if err := secret.Check(s); err != nil || len(text) != 44 || s.HasOurShape() || !strings.ContainsAny(text, "!@#$%&*") || strings.ContainsAny(text, "ilo01ILO") {
			t.Fatalf("%q: %v", text, err)
		}
		last := rune(0)
		for _, c := range text {
			if c == last {
				t.Fatalf("%q has %q twice in a row", text, c)
			}
			last = c
			count[c]++
		}
	}
	if short := secret.GenerateShort().Reveal(); len(short) != 30 || !strings.ContainsAny(short, "!@#$%&*") {
		t.Errorf("the short one is %q", short)
	}
	// No character is rarer than another: 62 of them, within six sigma.
	mean := float64(n*44) / 61
	for c, got := range count {
		if math.Abs(float64(got)-mean) > 6*math.Sqrt(mean) {
			t.Errorf("%q came %d times, want about %.0f", c, got, mean)
		}
	}
	if len(count) != 61 {
		t.Errorf("%d characters are in use, want 61", len(count))
	}
}
