package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// What OpenEnvelope returns; each is wrapped, with what is wrong.
var (
	// ErrNotForUs: the envelope is sealed to others.
	ErrNotForUs = errors.New("none of the identities opens the envelope")
	// ErrDamaged: it is not an envelope, or was cut or altered.
	ErrDamaged = errors.New("the envelope is damaged")
	// ErrForeign: it opens, and holds another secret than the one asked for.
	ErrForeign = errors.New("the envelope holds another secret")
)

// envelopeFormat starts what is in an envelope.
const envelopeFormat = "agentcreds-secret-1"

// maxEnvelope is far more than a secret to many recipients takes, in bytes.
const maxEnvelope = 1 << 20

// Envelope is a secret together with whose it is. Sealed to age recipients
// (age-encryption.org/v1) it can lie in the open, as in Terraform's state: it
// tells nobody else the value, and cannot be taken for that of another agent
// or of another version. Age does not say who sealed it: whoever can write
// where it lies can seal a value of their own.
type Envelope struct {
	AgentID  string
	SecretID string
	Version  int64
	Value    Text
}

// content is what is sealed: JSON, so that it can be opened by hand.
type content struct {
	Format   string `json:"format"`
	AgentID  string `json:"agent_id"`
	SecretID string `json:"secret_id"`
	Version  int64  `json:"version"`
	Secret   string `json:"secret"`
}

// Sealer seals one envelope. Whatever can fail was done when it was made, so
// that a secret can be sealed after it is in force, when there is no way back.
type Sealer struct {
	out    bytes.Buffer
	armor  io.WriteCloser
	sealed io.WriteCloser
}

// NewSealer makes the Sealer of one envelope that each of the recipients can
// open. They are X25519 (age1…) or post-quantum ones (age1pq1…).
func NewSealer(recipients []string) (*Sealer, error) {
	to, err := parseRecipients(recipients)
	if err != nil {
		return nil, err
	}
	s := &Sealer{}
	s.armor = armor.NewWriter(&s.out)
	// This wraps the key for each recipient and writes the header. What is left
	// is to encrypt into memory.
	s.sealed, err = age.Encrypt(s.armor, to...)
	if err != nil {
		return nil, fmt.Errorf("seal to %s: %w", strings.Join(recipients, ", "), err)
	}
	return s, nil
}

// Seal gives the envelope, in the armor of age: text of several lines. It is
// called once.
func (s *Sealer) Seal(e Envelope) string {
	// Strings and a number are always JSON, and a buffer takes every write.
	plain, _ := json.Marshal(content{envelopeFormat, e.AgentID, e.SecretID, e.Version, e.Value.Reveal()}) //nolint:gosec // it is what is sealed
	_, _ = s.sealed.Write(plain)
	_ = s.sealed.Close()
	_ = s.armor.Close()
	return s.out.String()
}

// OpenEnvelope gives what is in an envelope, provided that it is the secret of
// the agent in the version.
func OpenEnvelope(sealed string, by Identities, agentID string, version int64) (Envelope, error) {
	plain, err := by.decrypt(sealed)
	if err != nil {
		return Envelope{}, err
	}
	var c content
	// Neither error repeats what is in the envelope.
	if err := json.Unmarshal(plain, &c); err != nil || c.Format != envelopeFormat {
		return Envelope{}, fmt.Errorf("%w: what is in it is not a secret of this provider, or was sealed by a newer version of it", ErrDamaged)
	}
	switch {
	case c.AgentID != agentID:
		return Envelope{}, fmt.Errorf("%w: it is that of agent %q, not of %q", ErrForeign, c.AgentID, agentID)
	case c.Version != version:
		return Envelope{}, fmt.Errorf("%w: it has the version %d, not %d", ErrForeign, c.Version, version)
	case c.Secret == "":
		return Envelope{}, fmt.Errorf("%w: there is no secret in it", ErrDamaged)
	}
	return Envelope{AgentID: c.AgentID, SecretID: c.SecretID, Version: c.Version, Value: New(c.Secret)}, nil
}

func (i Identities) decrypt(sealed string) ([]byte, error) {
	if len(i.list) == 0 {
		return nil, fmt.Errorf("%w: there are no identities", ErrNotForUs)
	}
	if !strings.HasPrefix(strings.TrimSpace(sealed), armor.Header) {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrDamaged, armor.Header)
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(sealed)), i.list...)
	if _, others := errors.AsType[*age.NoIdentityMatchError](err); others {
		return nil, fmt.Errorf("%w: it is sealed to others", ErrNotForUs)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it was cut or altered", ErrDamaged)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxEnvelope))
	if err != nil {
		return nil, fmt.Errorf("%w: it was cut or altered", ErrDamaged)
	}
	return plain, nil
}
