package authority

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/jsontext"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Bounds of the assertions of private_key_jwt (RFC 7523 §3).
const (
	maxAssertion     = 64 << 10
	maxAssertionLife = time.Hour
	// assertionSkew is how far the clock of an agent may be off.
	assertionSkew = 30 * time.Second
	// serverSkew is how far the clocks of servers over one store may differ.
	serverSkew = 5 * time.Minute
	maxJTI     = 256 // bytes
)

// assertion is a JWT by which somebody says who he is. Nothing in it is proven
// before its signature was verified.
type assertion struct {
	text          string
	signed        string // the part of the text that is signed
	signature     []byte
	alg, kid      string
	iss, sub, jti string
	aud           []string
	exp           time.Time
	nbf, iat      time.Time // zero: not there
}

// badAssertion says why an assertion is refused: for the audit, not for who
// sent it.
func badAssertion(format string, args ...any) error {
	return refuse(BadLogin, "the assertion is refused: "+format, args...)
}

// AssertionSubject is who the assertion says that it is of; "" when that cannot
// be read. Nothing is proven by it, and all else may be wrong with it: so the
// reason of a refusal finds the agent that it is about.
func AssertionSubject(text secret.Text) string {
	parts := strings.Split(text.Reveal(), ".")
	if len(parts) != 3 || len(text.Reveal()) > maxAssertion {
		return ""
	}
	data, err := decodePart(parts[1])
	if err != nil {
		return ""
	}
	c, err := keys.Object(data)
	var sub string
	if err != nil || !readText(c, "sub", &sub) {
		return ""
	}
	return sub
}

// decodePart decodes what has one form only; the decoder passes over line ends.
func decodePart(part string) ([]byte, error) {
	if strings.IndexByte(part, '\r') >= 0 || strings.IndexByte(part, '\n') >= 0 {
		return nil, keys.ErrForm
	}
	return base64.RawURLEncoding.Strict().DecodeString(part)
}

// parseAssertion reads the one form that is accepted: a JWS in its compact
// form, with a JSON object in it that every reader understands alike.
func parseAssertion(text string) (assertion, error) {
	if len(text) > maxAssertion {
		return assertion{}, badAssertion("it is longer than %d bytes", maxAssertion)
	}
	parts := strings.Split(text, ".")
	switch len(parts) {
	case 3:
	case 5:
		return assertion{}, badAssertion("it is encrypted")
	default:
		return assertion{}, badAssertion("it is not a JWT of three parts")
	}
	var decoded [3][]byte
	for n, part := range parts {
		data, err := decodePart(part)
		if err != nil {
			return assertion{}, badAssertion("part %d is not base64url", n+1)
		}
		decoded[n] = data
	}
	a := assertion{text: text, signed: text[:len(parts[0])+1+len(parts[1])], signature: decoded[2]}
	if err := a.readHeader(decoded[0]); err != nil {
		return assertion{}, err
	}
	if len(decoded[2]) == 0 {
		return assertion{}, badAssertion("it has no signature")
	}
	return a, a.readClaims(decoded[1])
}

// readHeader reads the header (RFC 7515 §4). What says how to find or treat the
// key, or changes what is signed, is refused: which key is good is told by the
// agent's record alone.
func (a *assertion) readHeader(data []byte) error {
	h, err := keys.Object(data)
	if err != nil {
		return badAssertion("its header: %v", err)
	}
	for _, name := range []string{"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"} {
		if _, ok := h[name]; ok {
			return badAssertion("its header has %s", name)
		}
	}
	var typ, cty string
	for _, m := range []struct {
		name string
		to   *string
	}{{"alg", &a.alg}, {"kid", &a.kid}, {"typ", &typ}, {"cty", &cty}} {
		if !readText(h, m.name, m.to) {
			return badAssertion("%s in its header is not a string", m.name)
		}
	}
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	switch {
	case cty != "":
		return badAssertion("it is nested, or of another kind: cty is %.40q", cty)
	case a.alg == "":
		return badAssertion("its header has no alg")
	case strings.EqualFold(a.alg, "none"):
		return badAssertion("it is not signed: alg is none")
	case strings.HasPrefix(a.alg, "HS"):
		return badAssertion("alg %.10q is symmetric", a.alg)
	case !slices.Contains(keys.Algorithms, a.alg):
		return badAssertion("alg %.20q is not possible", a.alg)
	// draft-ietf-oauth-rfc7523bis: clients write the first, older ones the
	// second or nothing.
	case typ != "" && typ != "client-authentication+jwt" && typ != "jwt":
		return badAssertion("typ %.40q is that of something else", typ)
	}
	return nil
}

// readClaims reads the claims (RFC 7523 §3) and what they must be by themselves.
func (a *assertion) readClaims(data []byte) error {
	c, err := keys.Object(data)
	if err != nil {
		return badAssertion("its claims: %v", err)
	}
	for _, m := range []struct {
		name string
		to   *string
	}{{"iss", &a.iss}, {"sub", &a.sub}, {"jti", &a.jti}} {
		if !readText(c, m.name, m.to) {
			return badAssertion("its %s is not a string", m.name)
		}
		if *m.to == "" {
			return badAssertion("it has no %s", m.name)
		}
	}
	if len(a.jti) > maxJTI {
		return badAssertion("its jti is longer than %d bytes", maxJTI)
	}
	if a.aud, err = readAudience(c["aud"]); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		to   *time.Time
	}{{"exp", &a.exp}, {"nbf", &a.nbf}, {"iat", &a.iat}} {
		if !readTime(c, m.name, m.to) {
			return badAssertion("its %s is not a time in seconds", m.name)
		}
	}
	if a.exp.IsZero() {
		return badAssertion("it has no exp")
	}
	return nil
}

// readAudience reads aud: a string, or a list.
func readAudience(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 {
		return nil, badAssertion("it has no aud")
	}
	if one, ok := jsontext.String(raw); ok {
		return []string{one}, nil
	}
	var list []*string // of which null is none
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil || slices.Contains(list, nil) {
		return nil, badAssertion("its aud is neither a string nor a list of strings")
	}
	names := make([]string, len(list))
	for n, name := range list {
		names[n] = *name
	}
	return names, nil
}

// readText reads a member that is a string, or not there.
func readText(members map[string]json.RawMessage, name string, to *string) bool {
	raw, there := members[name]
	if !there {
		return true
	}
	text, ok := jsontext.String(raw)
	if ok {
		*to = text
	}
	return ok
}

// readTime reads a NumericDate (RFC 7519 §2), or what is not there.
func readTime(members map[string]json.RawMessage, name string, to *time.Time) bool {
	raw, ok := members[name]
	if !ok {
		return true
	}
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return false
	}
	seconds, err := strconv.ParseFloat(string(raw), 64) // it is JSON already
	if err != nil {
		return false
	}
	// Up to the year 9999; the zero time stands for what is not there.
	if seconds < 0 || seconds > 253402300799 {
		return false
	}
	whole, part := math.Modf(seconds)
	*to = time.Unix(int64(whole), int64(part*1e9))
	return true
}

// judge checks whose assertion it is, for whom, and when. audiences are the
// names that this server goes by.
func (a *assertion) judge(id string, audiences []string, now time.Time) error {
	switch {
	case a.iss != a.sub:
		return badAssertion("its iss is not its sub")
	case a.sub != id:
		return badAssertion("its sub is not the client_id")
	case len(a.aud) != 1:
		return badAssertion("its aud names %d servers and not this one alone", len(a.aud))
	case !slices.Contains(audiences, a.aud[0]):
		return badAssertion("its aud is %.200q and not the issuer", a.aud[0])
	case !now.Before(a.exp.Add(assertionSkew)):
		return badAssertion("it expired at %s", stamp(a.exp))
	case a.exp.After(now.Add(maxAssertionLife + assertionSkew)):
		return badAssertion("it expires at %s, more than %s from now", stamp(a.exp), maxAssertionLife)
	case a.nbf.After(now.Add(assertionSkew)):
		return badAssertion("it is not valid before %s", stamp(a.nbf))
	case a.iat.After(now.Add(assertionSkew)):
		return badAssertion("it was issued at %s, which is not yet", stamp(a.iat))
	case !a.iat.IsZero() && a.exp.Sub(a.iat) > maxAssertionLife+assertionSkew:
		return badAssertion("it is for longer than %s: from %s to %s", maxAssertionLife, stamp(a.iat), stamp(a.exp))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// proof is what the assertion proves when the key with that id has signed it.
func (a *assertion) proof(id string) proof {
	return proof{
		kind: store.KeyKind, id: id, once: a.mark(),
		// A mark is kept as long as the assertion could be shown, also to
		// another server over the same store whose clock is behind.
		over: a.exp.Add(assertionSkew + serverSkew),
	}
}

// mark is what is spent when the assertion is used: it tells nothing of the jti.
func (a *assertion) mark() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "agentcreds jti v1\x00%d\x00%s%s", len(a.sub), a.sub, a.jti))
	return "jti " + base64.RawURLEncoding.EncodeToString(sum[:])
}
