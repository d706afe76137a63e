package secret

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"filippo.io/age"
)

// What starts the keys of age. Those of the post-quantum kind start with the
// other, too.
const (
	recipientPrefix  = "age1"
	hybridPrefix     = "age1pq1"
	identityPrefix   = "AGE-SECRET-KEY-"
	hybridSecret     = "AGE-SECRET-KEY-PQ-1" //nolint:gosec // what starts a key, not a key
	pluginIdentity   = "AGE-PLUGIN-"
	encryptedPrefix  = "age-encryption.org/"
	encryptedArmored = "-----BEGIN AGE ENCRYPTED FILE-----"
)

// ErrIsIdentity is what CheckRecipients wraps for a private key where a public
// one belongs. It never repeats the key.
var ErrIsIdentity = errors.New("a private key (AGE-SECRET-KEY-…) is no recipient")

// CheckRecipients reports why an envelope cannot be sealed to these recipients;
// nil when it can.
func CheckRecipients(recipients []string) error {
	_, err := NewSealer(recipients)
	return err
}

// parseRecipients reads public keys. One that could be a private key is not
// repeated in the error.
func parseRecipients(words []string) ([]age.Recipient, error) {
	if len(words) == 0 {
		return nil, errors.New("there is no recipient")
	}
	var out []age.Recipient
	hybrids := 0
	for _, word := range words {
		if strings.Contains(strings.ToUpper(word), identityPrefix) || strings.Contains(strings.ToUpper(word), pluginIdentity) {
			return nil, fmt.Errorf("%w: it belongs to who opens. The recipient for it is the age1… of the same key", ErrIsIdentity)
		}
		r, err := parseRecipient(word)
		if err != nil {
			return nil, err
		}
		if _, ok := r.(*age.HybridRecipient); ok {
			hybrids++
		}
		out = append(out, r)
	}
	if hybrids > 0 && hybrids < len(out) {
		return nil, fmt.Errorf("post-quantum recipients (%s…) and others do not go together: the others would be the weak point. Use one kind", hybridPrefix)
	}
	return out, nil
}

func parseRecipient(word string) (age.Recipient, error) {
	var r age.Recipient
	var err error
	switch {
	case word == "":
		return nil, errors.New("one of them is empty or null: a recipient is age1…, as age-keygen prints it as the public key")
	case strings.HasPrefix(word, "ssh-"), strings.HasPrefix(word, "ecdsa-"):
		kind, _, _ := strings.Cut(word, " ")
		return nil, fmt.Errorf("keys of SSH (%s) are no recipients here: make a key with age-keygen", kind)
	case strings.TrimSpace(word) != word:
		return nil, fmt.Errorf("%s has a blank or the end of a line before or after it, as what is read from a file has: give it through trimspace(…)", short(word))
	case strings.ContainsFunc(word, unicode.IsSpace):
		return nil, fmt.Errorf("%s has several words or lines in it: each recipient is an element of its own", short(word))
	case strings.HasPrefix(word, hybridPrefix):
		r, err = age.ParseHybridRecipient(word)
	case strings.HasPrefix(word, recipientPrefix) && strings.Count(word, "1") > 1 && !isX25519(word):
		return nil, fmt.Errorf("%s is not a recipient of age itself: those of plugins, as of hardware keys, are not supported", short(word))
	default:
		r, err = age.ParseX25519Recipient(word)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not an age recipient, or has a typing error: it is age1… with 58 more characters, as age-keygen prints it as the public key", short(word))
	}
	return r, nil
}

// isX25519 reports whether the word has no further 1 behind the first: in
// Bech32 the last 1 ends the name of the kind.
func isX25519(word string) bool { return strings.LastIndexByte(word, '1') == len(recipientPrefix)-1 }

// short is enough of a word to find it.
func short(word string) string {
	const enough = 16
	if runes := []rune(word); len(runes) > enough {
		return fmt.Sprintf("%q", string(runes[:enough])+"…")
	}
	return fmt.Sprintf("%q", word)
}

// Identities are private keys that open envelopes. They print as nothing that
// is of use.
type Identities struct{ list []age.Identity }

// String returns [redacted].
func (Identities) String() string { return redacted }

// GoString returns [redacted].
func (Identities) GoString() string { return redacted }

// ParseIdentities reads private keys, one a line; empty lines and those that
// start with # are skipped, so the text may be a file that age-keygen wrote. No
// error repeats any of it.
func ParseIdentities(t Text) (Identities, error) {
	if t := strings.TrimSpace(t.Reveal()); strings.HasPrefix(t, encryptedPrefix) || strings.HasPrefix(t, encryptedArmored) {
		return Identities{}, errors.New("the identity is itself encrypted, with a passphrase: decrypt it first (age --decrypt)")
	}
	var out Identities
	n := 0
	for line := range strings.Lines(t.Reveal()) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, err := parseIdentity(line)
		if err != nil {
			return Identities{}, fmt.Errorf("line %d: %w", n, err)
		}
		out.list = append(out.list, id)
	}
	if len(out.list) == 0 && strings.Contains(t.Reveal(), identityPrefix) {
		return Identities{}, errors.New("the identity is behind a #, as in a file of age-keygen that has lost its line breaks: give the AGE-SECRET-KEY-… alone")
	}
	if len(out.list) == 0 {
		return Identities{}, errors.New("there is no identity in it")
	}
	return out, nil
}

func parseIdentity(line string) (id age.Identity, err error) {
	switch {
	case strings.HasPrefix(line, recipientPrefix):
		return nil, errors.New("a public key (age1…) opens nothing: the identity is the private key (AGE-SECRET-KEY-…)")
	case strings.HasPrefix(line, pluginIdentity):
		return nil, errors.New("identities of plugins are not supported")
	case strings.Contains(line, "PRIVATE KEY-----"):
		return nil, errors.New("keys of SSH are not supported: make an identity with age-keygen")
	case strings.HasPrefix(line, hybridSecret):
		id, err = age.ParseHybridIdentity(line)
	default:
		id, err = age.ParseX25519Identity(line)
	}
	if err != nil { // what age says could have parts of the key in it
		return nil, errors.New("it is not an age identity (AGE-SECRET-KEY-…), or a part of it is missing")
	}
	return id, nil
}
