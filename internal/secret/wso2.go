package secret

import (
	"crypto/rand"
	"strings"
)

// The characters of WSO2's generator (DefaultPasswordGenerator of
// carbon-identity-framework), without those that look alike.
const (
	plainDigits   = "23456789"
	plainLower    = "abcdefghjkmnpqrstuvwxyz"
	plainUpper    = "ABCDEFGHJKMNPQRSTUVWXYZ"
	plainSpecials = "!@#$%&*"
	plain         = plainDigits + plainLower + plainUpper + plainSpecials
)

// wso2Len characters of 61, of which none is the one before it, carry 256 bits:
// 61 × 60^43 > 2^256.
const wso2Len = 44

// shortLen characters are the most that the rules of Identity Server allow
// unless they were changed (LengthValidator with max.length 30). They carry 177
// bits.
const shortLen = 30

// GenerateWSO2 makes a secret of 256 bits that the password policies of WSO2
// servers take: lower and upper case, a digit, one of !@#$%&*, none that looks
// like another, and no character twice in a row. It has neither our prefix nor
// a checksum: their policies bound the length.
func GenerateWSO2() Text { return generateWSO2(wso2Len) }

// GenerateShort is GenerateWSO2 for servers that refuse as much.
func GenerateShort() Text { return generateWSO2(shortLen) }

func generateWSO2(length int) Text {
	for {
		var b strings.Builder
		var last byte
		for b.Len() < length {
			c := pick(plain)
			if c != last {
				b.WriteByte(c)
				last = c
			}
		}
		text := b.String()
		if strings.ContainsAny(text, plainDigits) && strings.ContainsAny(text, plainLower) &&
			strings.ContainsAny(text, plainUpper) && strings.ContainsAny(text, plainSpecials) {
			return New(text)
		}
	}
}

// GenerateAsgardeo makes a secret of the form of those that Asgardeo makes for
// an agent: twice four characters, a digit, a lower-case letter, an upper-case
// letter and a special one. Its 16 characters carry about 77 bits, so it is for
// servers that behave like Asgardeo.
func GenerateAsgardeo() Text {
	var b strings.Builder
	for range 2 {
		for _, from := range []string{plain, plain, plain, plain, plainDigits, plainLower, plainUpper, plainSpecials} {
			b.WriteByte(pick(from))
		}
	}
	return New(b.String())
}

// pick draws one character: all are equally likely.
func pick(from string) byte {
	var buf [1]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails: crypto/rand crashes the program instead
		if n := int(buf[0]); n < 256/len(from)*len(from) {
			return from[n%len(from)]
		}
	}
}
