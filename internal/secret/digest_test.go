package secret_test

import (
	"encoding/base64"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// TestDigest: a digest is that of one agent and one value, whatever the shape.
func TestDigest(t *testing.T) {
	ours, theirs := secret.Generate(), secret.New("Correct-Horse-7")
	fast, slow := secret.NewDigest("agent-1", ours), secret.NewDigest("agent-1", theirs)
	for _, tt := range []struct {
		name   string
		digest secret.Digest
		agent  string
		text   secret.Text
		want   bool
	}{
		{"ours", fast, "agent-1", ours, true},
		{"theirs", slow, "agent-1", theirs, true},
		{"ours, another agent", fast, "agent-2", ours, false},
		{"theirs, another agent", slow, "agent-2", theirs, false},
		{"ours, another value", fast, "agent-1", secret.Generate(), false},
		{"theirs, another value", slow, "agent-1", secret.New("Correct-Horse-8"), false},
		{"ours against the slow one", slow, "agent-1", ours, false},
		{"theirs against the fast one", fast, "agent-1", theirs, false},
		{"nothing", fast, "agent-1", secret.Text{}, false},
		{"no digest, ours", "", "agent-1", ours, false},
		{"no digest, theirs", "", "agent-1", theirs, false},
		{"the boundary moves", secret.NewDigest("agent-1x", secret.New("Correct-Horse-7")), "agent-1", secret.New("xCorrect-Horse-7"), false},
		{"salt of another length", secret.Digest(strings.Replace(string(slow), "$", "$QUJD", 1)), "agent-1", theirs, false},
		{"salt that is none", "argon2id$!$x", "agent-1", theirs, false},
		{"empty salt", "argon2id$$", "agent-1", theirs, false},
		{"a part more", slow + "$", "agent-1", theirs, false},
		{"prefix alone", "sha256$", "agent-1", ours, false},
		{"cut off", fast[:len(fast)-1], "agent-1", ours, false},
		{"other algorithm", secret.Digest("argon2i$" + string(slow[len("argon2id$"):])), "agent-1", theirs, false},
	} {
		if got := tt.digest.Matches(tt.agent, tt.text); got != tt.want {
			t.Errorf("%s: Matches = %v, want %v", tt.name, got, tt.want)
		}
	}
	if secret.NewDigest("agent-1", theirs) == slow {
		t.Error("two digests of one chosen secret are equal: there is no salt")
	}
	for _, d := range []secret.Digest{fast, slow} {
		for _, part := range []string{ours.Reveal(), theirs.Reveal(), ours.Hint(), "Horse"} {
			if strings.Contains(string(d), part) {
				t.Errorf("the digest %s has a part of the secret", d)
			}
		}
	}
	if !strings.HasPrefix(string(fast), "sha256$") || !strings.HasPrefix(string(slow), "argon2id$") {
		t.Errorf("digests are %s and %s", fast, slow)
	}
}

// TestDigest_parameters computes what is stored of a chosen secret from the
// outside: argon2id with 19 MiB, two passes and one lane, as OWASP's sheet on
// password storage wants at least, and a salt of 128 bits.
func TestDigest_parameters(t *testing.T) {
	const agent, value = "agent-1", "Correct-Horse-7"
	parts := strings.Split(string(secret.NewDigest(agent, secret.New(value))), "$")
	if len(parts) != 3 || parts[0] != "argon2id" {
		t.Fatalf("the digest has the parts %q", parts)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[1])
	if err != nil || len(salt) != 16 {
		t.Fatalf("the salt has %d bytes, %v", len(salt), err)
	}
	var message []byte
	for _, part := range []string{"agentcreds secret v1", agent, value} {
		message = append(binary.BigEndian.AppendUint32(message, uint32(len(part))), part...)
	}
	key := base64.RawStdEncoding.EncodeToString(argon2.IDKey(message, salt, 2, 19*1024, 1, 32))
	if parts[2] != key {
		t.Errorf("the key is %s, want %s", parts[2], key)
	}
}

// TestWorkOfMatches: the shape that is presented decides how much work is done,
// and what is stored does not. argon2id shows by the memory that it takes.
func TestWorkOfMatches(t *testing.T) {
	ours, theirs := secret.Generate(), secret.New("Correct-Horse-7")
	digests := map[string]secret.Digest{
		"none": "", "fast": secret.NewDigest("a", ours), "slow": secret.NewDigest("a", theirs), "broken": "argon2id$x",
	}
	for name, d := range digests {
		if taken := allocated(func() { d.Matches("a", theirs) }); taken < 19<<20 || taken > 24<<20 {
			t.Errorf("a chosen secret against a %s digest takes %d KiB, want 19 MiB: argon2id, once", name, taken>>10)
		}
		if taken := allocated(func() { d.Matches("a", ours) }); taken > 64<<10 {
			t.Errorf("a secret of our shape against a %s digest takes %d KiB", name, taken>>10)
		}
	}
}

// allocated is how many bytes fn takes from the heap.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzDigest(f *testing.F) {
	f.Add("agent", "Correct-Horse-7", "Correct-Horse-8")
	f.Add("agent", secret.Generate().Reveal(), "agcs_")
	f.Fuzz(func(t *testing.T, agent, a, b string) {
		d := secret.NewDigest(agent, secret.New(a))
		if !d.Matches(agent, secret.New(a)) {
			t.Errorf("the digest of %q does not match it", a)
		}
		if a != b && d.Matches(agent, secret.New(b)) {
			t.Errorf("the digest of %q matches %q", a, b)
		}
	})
}
