package secret

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters of argon2id: the minimum that OWASP's password storage sheet
// names, 19 MiB of memory, two passes, one lane.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024 // KiB
	argonThreads = 1
	argonKeyLen  = 32
	argonSaltLen = 16

	fastPrefix = "sha256$"
	slowPrefix = "argon2id$"

	// label keeps a digest from being of use anywhere else.
	label = "agentcreds secret v1"
)

// Digest is what is kept of a secret at rest:
//
//	sha256$<base64 of SHA-256 over label, agent id and value>
//	argon2id$<base64 of the salt>$<base64 of the key>
//
// The shape of the value picks the form: a secret of our shape carries 256
// bits, where a slow hash buys nothing (NIST SP 800-63B look-up secrets, OWASP
// ASVS 6.5.2), anything else is chosen by people and gets argon2id.
type Digest string

// NewDigest digests the secret of an agent. For a text that is not of our
// shape it takes about 40 ms of CPU and 19 MiB: bound how many run at once.
// others are the digests that the agent has: one salt serves them all, so that
// Find needs one slow hash however many there are.
func NewDigest(agentID string, t Text, others ...Digest) Digest {
	if t.HasOurShape() {
		return fast(agentID, t)
	}
	salts := saltsOf(others)
	if len(salts) == 0 {
		salt := make([]byte, argonSaltLen)
		_, _ = rand.Read(salt)
		salts = append(salts, salt)
	}
	return slow(agentID, t, salts[0])
}

// Matches reports whether the digest is that of t.
func (d Digest) Matches(agentID string, t Text) bool { return Find(agentID, t, []Digest{d}) == 0 }

// Find returns which of the digests, all of one agent, is that of t: -1 for
// none. The shape of t alone decides how much work is done: one hash, where
// the digests have no more than one salt, also when there are none. All are
// compared, in constant time.
func Find(agentID string, t Text, known []Digest) int {
	found := -1
	look := func(d Digest) {
		for i, k := range known {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare([]byte(k), []byte(d)), i, found)
		}
	}
	if t.HasOurShape() {
		look(fast(agentID, t))
		return found
	}
	salts := saltsOf(known)
	if len(salts) == 0 {
		salts = [][]byte{make([]byte, argonSaltLen)} // a dummy: the work is the same
	}
	for _, salt := range salts {
		look(slow(agentID, t, salt))
	}
	return found
}

// saltsOf are the different salts of the slow digests.
func saltsOf(digests []Digest) (salts [][]byte) {
	for _, d := range digests {
		salt, ok := d.salt()
		if ok && !slices.ContainsFunc(salts, func(s []byte) bool { return bytes.Equal(s, salt) }) {
			salts = append(salts, salt)
		}
	}
	return salts
}

func (d Digest) salt() ([]byte, bool) {
	parts := strings.Split(string(d), "$")
	if len(parts) != 3 || parts[0]+"$" != slowPrefix {
		return nil, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[1])
	return salt, err == nil && len(salt) == argonSaltLen
}

func fast(agentID string, t Text) Digest {
	sum := sha256.Sum256(message(agentID, t))
	return Digest(fastPrefix + base64.RawStdEncoding.EncodeToString(sum[:]))
}

func slow(agentID string, t Text, salt []byte) Digest {
	key := argon2.IDKey(message(agentID, t), salt, argonTime, argonMemory, argonThreads, argonKeyLen)
	return Digest(fmt.Sprintf("%s%s$%s", slowPrefix,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)))
}

// message joins label, agent id and value, each with its length before it, so
// that no two triples give the same bytes.
func message(agentID string, t Text) []byte {
	m := make([]byte, 0, 160)
	for _, part := range []string{label, agentID, t.Reveal()} {
		m = binary.BigEndian.AppendUint32(m, uint32(len(part))) //nolint:gosec // far below 4 GiB: requests are limited to 1 MiB
		m = append(m, part...)
	}
	return m
}
