package secret

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Limits of a secret that a caller chooses: those of WSO2's agent user store,
// ^((?=.*\d)(?=.*[a-z])(?=.*[A-Z])).{8,100}$ (AGENT.xml.j2).
const (
	MinLen = 8
	MaxLen = 100
)

// ErrWeak is wrapped by what Check returns.
var ErrWeak = errors.New("the secret is too weak")

// Check reports why a secret that a caller chose is refused: nil, or an error
// that wraps ErrWeak, names the rule, and does not repeat the value.
func Check(t Text) error {
	if n := utf8.RuneCountInString(t.Reveal()); n < MinLen || n > MaxLen {
		return fmt.Errorf("%w: it has %d characters, %d to %d are needed", ErrWeak, n, MinLen, MaxLen)
	}
	if !utf8.ValidString(t.Reveal()) {
		return fmt.Errorf("%w: it is not valid UTF-8", ErrWeak)
	}
	var hasLower, hasUpper, hasDigit bool
	for _, r := range t.Reveal() {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: it has a control character", ErrWeak)
		}
		hasLower = hasLower || unicode.IsLower(r)
		hasUpper = hasUpper || unicode.IsUpper(r)
		hasDigit = hasDigit || unicode.IsDigit(r)
	}
	switch {
	case !hasLower:
		return fmt.Errorf("%w: it needs a lower-case letter", ErrWeak)
	case !hasUpper:
		return fmt.Errorf("%w: it needs an upper-case letter", ErrWeak)
	case !hasDigit:
		return fmt.Errorf("%w: it needs a digit", ErrWeak)
	}
	return nil
}
