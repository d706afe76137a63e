package secret_test

import (
	"bytes"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// encrypt seals anything, as the program age does.
func encrypt(recipient, plain string) (string, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, to)
	if err == nil {
		_, err = w.Write([]byte(plain))
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = armored.Close()
	}
	return out.String(), err
}

// FuzzOpenEnvelope: whatever is in an envelope and whatever became of it, what
// opens is of the agent and the version that were asked for, has a value, and
// is never what another agent or version would be given.
func FuzzOpenEnvelope(f *testing.F) {
	key := classic(f)
	by := identities(f, key)
	whole := seal(f, anEnvelope(), key.recipient)
	f.Add(`{"format":"agentcreds-secret-1","agent_id":"a","version":1,"secret":"x"}`, "", "a", int64(1))
	f.Add(`{"format":"agentcreds-secret-1","agent_id":"a","Agent_ID":"b","version":1,"version":2,"secret":"x"}`, "", "b", int64(2))
	f.Add(`{"format":"agentcreds-secret-1","agent_id":null,"version":1.0,"secret":"x"}`, "", "", int64(1))
	f.Add("", whole, agentA, int64(1767225600123))
	f.Add("", whole[:len(whole)/2], agentA, int64(0))
	f.Fuzz(func(t *testing.T, plain, sealed, agent string, version int64) {
		if sealed == "" {
			var err error
			if sealed, err = encrypt(key.recipient, plain); err != nil {
				t.Skip()
			}
		}
		got, err := secret.OpenEnvelope(sealed, by, agent, version)
		if err != nil {
			if !got.Value.IsZero() || got.AgentID != "" {
				t.Errorf("an error, and %+v", got)
			}
			return
		}
		if got.AgentID != agent || got.Version != version || got.Value.IsZero() {
			t.Errorf("asked for %q, %d; got %+v", agent, version, got)
		}
		for _, other := range []struct {
			agent   string
			version int64
		}{{agent + "x", version}, {"", version}, {agent, version + 1}, {agent, -version - 1}} {
			if other.agent == agent && other.version == version {
				continue
			}
			if _, err := secret.OpenEnvelope(sealed, by, other.agent, other.version); err == nil {
				t.Errorf("it is of %q, %d and of %q, %d", agent, version, other.agent, other.version)
			}
		}
		again, err := secret.OpenEnvelope(seal(t, got, key.recipient), by, agent, version)
		if err != nil || !again.Value.Equal(got.Value) {
			t.Errorf("sealed again it opens to %v, %v", again, err)
		}
	})
}
