package secret

import (
	"crypto/rand"
	"hash/crc32"
	"strings"
)

const (
	// Prefix starts every secret that we make, so that scanners find leaks.
	Prefix = "agcs_"

	// bodyLen characters of 62 carry 256 bits: 62^43 > 2^256.
	bodyLen = 43
	// sumLen characters of 62 hold a CRC-32.
	sumLen = 6

	digits = "0123456789"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	base62 = digits + upper + lower
)

// Generate makes a secret of 256 bits:
//
//	agcs_ <43 characters of base 62> <6 characters: CRC-32 of the body, base 62>
//
// Prefix and checksum let scanners tell a leaked secret from noise. Its 54
// characters have a lower-case letter, an upper-case letter, a digit and an
// underscore, which common password policies ask for.
func Generate() Text {
	for {
		body := randomBody()
		// About one body in 2,000 lacks a digit; dropping those costs
		// less than a thousandth of a bit.
		if strings.ContainsAny(body, digits) && strings.ContainsAny(body, upper) {
			return New(Prefix + body + checksum(body))
		}
	}
}

// HasOurShape reports whether the text is of the form that Generate makes,
// checksum included. Whoever made it, it carries 256 bits if it was drawn at
// random, and the shape is all that picks the digest (see Digest).
func (t Text) HasOurShape() bool {
	rest, ok := strings.CutPrefix(t.Reveal(), Prefix)
	if !ok || len(rest) != bodyLen+sumLen {
		return false
	}
	for i := range len(rest) {
		if !isDigit[rest[i]] {
			return false
		}
	}
	return checksum(rest[:bodyLen]) == rest[bodyLen:]
}

// isDigit are the digits of base 62: each login looks at all of its secret.
var isDigit = func() (all [256]bool) {
	for _, c := range base62 {
		all[c] = true
	}
	return all
}()

// Hint is the last four characters, for telling secrets apart in a list; they
// belong to the checksum and give nothing of the 256 bits away that a guesser
// could use. It is empty for a text that is not of our shape: four characters
// of a short password would be a gift.
func (t Text) Hint() string {
	if !t.HasOurShape() {
		return ""
	}
	return t.Reveal()[len(t.Reveal())-4:]
}

func randomBody() string {
	var b strings.Builder
	buf := make([]byte, 64)
	for b.Len() < bodyLen {
		_, _ = rand.Read(buf) // never fails: crypto/rand crashes the program instead
		for _, c := range buf {
			// 248 is the largest multiple of 62 below 256: a larger
			// byte would favour the first characters.
			if c < 248 && b.Len() < bodyLen {
				b.WriteByte(base62[c%62])
			}
		}
	}
	return b.String()
}

func checksum(body string) string {
	n := crc32.ChecksumIEEE([]byte(body))
	var out [sumLen]byte
	for i := sumLen - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out[:])
}
