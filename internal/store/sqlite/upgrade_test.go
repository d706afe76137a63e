package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// fixtureAgent is an agent that all of them have.
const fixtureAgent = "7f3a1c52-0000-4000-8000-000000000001"

// fixture puts a store of an old format where its program would have.
func fixture(t *testing.T, format int) string {
	t.Helper()
	script, err := os.ReadFile(fmt.Sprintf("testdata/upgrade%d.sql", format))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "agents.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), string(script)); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFormat(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Each format that there ever was has a fixture.
func TestUpgrade_fixtures(t *testing.T) {
	if _, err := os.Stat(fmt.Sprintf("testdata/upgrade%d.sql", len(migrations))); err != nil {
		t.Errorf("format %d has no fixture: %v", len(migrations), err)
	}
}

// A store of any format is read right, keeps its id and its chain, and can do
// what this program can.
func TestUpgrade(t *testing.T) {
	for format := 1; format <= len(migrations); format++ {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			path := fixture(t, format)
			s := openFormat(t, path)
			wantFixture(t, s, format)
			err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
				return []audit.Event{{Action: audit.ClientCreate}}, errors.Join(
					tx.AddClient(store.Client{ID: "c", Name: "new"}), tx.SetSigningKey(store.SigningKey{ID: "k", Sealed: []byte{}}),
					tx.Spend("k", time.Now().Add(time.Hour)), tx.SetSetting("a", "b"),
					tx.AddCredential(store.Credential{AgentID: fixtureAgent, Kind: store.KeyKind, ID: "new"}),
					tx.SetCAKey(store.CAKey{ID: "new", Sealed: []byte{}}), tx.SetRevocation(store.Revocation{CA: "new", Serial: "1"}),
					tx.AddRole(store.Role{ID: "r", Name: "new"}), tx.AddMember("r", fixtureAgent))
			})
			if n, err2 := s.Count(t.Context(), "c", 1); err != nil || err2 != nil || n != 1 {
				t.Error(err)
			}
			again := openFormat(t, path)
			if again.ID() != s.ID() {
				t.Errorf("the id is %s, then %s", s.ID(), again.ID())
			}
		})
	}
}

// wantFixture checks what the fixtures of all formats have in common.
func wantFixture(t *testing.T, s *Store, format int) {
	t.Helper()
	at := time.UnixMicro(1_750_000_001_123_456).UTC()
	const agent, old = fixtureAgent, "5ec2e700-0000-4000-8000-000000000001"
	err := s.View(t.Context(), func(r store.Reader) error {
		a, err := r.Agent(agent)
		want := store.Agent{
			ID: agent, DisplayName: "Deploy Bot", Description: "Ships ü", Owner: "ann", ExternalID: "team/deploy", UserServing: true,
			Attributes: map[string]string{"Url": "https://bots.example/1"}, Scopes: []string{"a", "b"}, Audiences: []string{"https://api.example"},
			AuthMethods: []string{"client_secret_basic"}, OwnerToken: "tok", Epoch: 3, LastSecret: 1_750_000_000_500, Created: at, Modified: at.Add(time.Minute),
		}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Errorf("agent (-want +got):\n%s", diff)
		}
		x, err2 := r.Secret(agent, old)
		if diff := cmp.Diff(store.Secret{
			AgentID: agent, ID: old, Digest: "sha256$x", Hint: "1234", Creator: "local:ann@laptop", Created: 1_750_000_000_400,
			Expires: 1_760_000_000, Retiring: true, Ends: 1_770_000_000, FirstUsed: at, LastUsed: at.Add(time.Hour),
		}, x); diff != "" {
			t.Errorf("secret (-want +got):\n%s", diff)
		}
		page, err3 := r.Agents(store.Query{Limit: 9})
		if page.Total != 2 || !page.Agents[1].Blocked() {
			t.Errorf("agents %+v", page)
		}
		entries, err4 := r.Entries(0, 99)
		var prev audit.Entry
		for _, e := range entries {
			if err := e.Verify(prev); err != nil {
				t.Error(err)
			}
			prev = e
		}
		found, err5 := r.FindEntries(store.EntryQuery{AgentID: agent, Limit: 9})
		if len(entries) != 3 || len(found) != 1 {
			t.Errorf("%d entries, %d of the agent", len(entries), len(found))
		}
		return errors.Join(err, err2, err3, err4, err5, wantFormat2(t, r, format >= 2), wantFormat3(t, r, format >= 3), wantFormat4(t, r, format >= 4))
	})
	if err != nil {
		t.Error(err)
	}
}

// wantFormat2 checks what came with format 2: an older store has none of it.
func wantFormat2(t *testing.T, r store.Reader, there bool) error {
	t.Helper()
	clients, err := r.Clients()
	keys, err2 := r.SigningKeys()
	setting, err3 := r.Setting("seal_key")
	spent, err4 := r.Spent("token 1")
	counted, err5 := r.Counter("unknown_logins")
	if !there {
		if len(clients)+len(keys) != 0 || setting != "" || spent || counted != 0 {
			t.Errorf("an old store has %v %v %q %v %d", clients, keys, setting, spent, counted)
		}
	} else if len(clients) != 1 || len(clients[0].Secrets) != 1 || clients[0].Secrets[0].Hint != "5678" || clients[0].Scopes[0] != "internal_agent_mgt_view" ||
		len(keys) != 1 || string(keys[0].Sealed) != "\x01\x02\x03" || keys[0].Revoked.IsZero() || setting != "0123" || !spent || counted != 42 {
		t.Errorf("%+v %+v %q %v %d", clients, keys, setting, spent, counted)
	}
	return errors.Join(err, err2, err3, err4, err5)
}

// wantFormat3 checks what came with format 3.
func wantFormat3(t *testing.T, r store.Reader, there bool) error {
	t.Helper()
	found, err := r.Credentials([]string{fixtureAgent}, store.KeyKind, 0, 9)
	certificates, err2 := r.Credentials([]string{fixtureAgent}, store.CertificateKind, 0, 9)
	ca, err3 := r.CAKeys()
	revoked, err4 := r.Revocations(0)
	clients, err5 := r.Clients()
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		return err
	}
	if !there {
		if len(found)+len(certificates)+len(ca)+len(revoked) != 0 {
			t.Errorf("an old store has %v %v %v %v", found, certificates, ca, revoked)
		}
		return nil
	}
	at := time.UnixMicro(1_750_000_001_123_456).UTC()
	for _, tt := range []struct{ want, got any }{
		{[]store.Credential{{
			AgentID: fixtureAgent, Kind: store.KeyKind, ID: "kid-1", Creator: "admin", Alg: "ES256", Public: `{"kty":"EC"}`, Thumbprint: "thumb",
			Created: 1_750_000_000_700, Expires: 1_760_000_000, Retiring: true, Ends: 1_770_000_000, FirstUsed: at, LastUsed: at.Add(time.Hour),
		}}, found[fixtureAgent]},
		{[]store.Credential{{
			AgentID: fixtureAgent, Kind: store.CertificateKind, ID: "0a1b", Creator: "admin", Certificate: "-----BEGIN CERTIFICATE-----", Fingerprint: "print",
			CA: "ca1", Subject: map[string]string{"dns": "bot.example"}, NotBefore: 1_750_000_000, NotAfter: 1_760_000_000,
			Created: 1_750_000_000_800, Expires: 1_760_000_000, Revoked: at,
		}}, certificates[fixtureAgent]},
		{[]store.CAKey{{ID: "ca1", Certificate: "cert", Chain: "chain", Sealed: []byte{4, 5, 6}, Created: at}}, ca},
		{[]store.Revocation{{CA: "ca1", Serial: "0a1b", Revoked: at, Expires: 1_760_000_000}}, revoked},
		{[]store.ClientKey{{ID: "kid-2", Alg: "EdDSA", Public: "{}", Created: 1_750_000_000_600}}, clients[0].Keys},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	return nil
}

// wantFormat4 checks what came with format 4.
func wantFormat4(t *testing.T, r store.Reader, there bool) error {
	t.Helper()
	page, err := r.Roles(store.Query{Limit: 9})
	of, err2 := r.RolesOf([]string{fixtureAgent})
	var want []store.Role
	if there {
		want = []store.Role{{
			ID: "401e0000-0000-4000-8000-000000000001", Name: "Reader", Scopes: []string{"read", "view"}, Creator: "admin",
			Created: time.UnixMicro(1_750_000_001_123_456).UTC(),
		}}
	}
	for _, got := range [][]store.Role{page.Roles, of[fixtureAgent]} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	return errors.Join(err, err2)
}

// Several processes that open an old store at once upgrade it once.
func TestUpgrade_together(t *testing.T) {
	path := fixture(t, 1)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			s, err := Open(t.Context(), Config{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			wantFixture(t, s, 1)
			_ = s.Close()
		})
	}
	done.Wait()
}

// An older program refuses a newer store, says what to do, and leaves it as it
// is, also when it had the store open while another upgraded it.
func TestUpgrade_downgrade(t *testing.T) {
	path := fixture(t, 1)
	old, err := Open(t.Context(), Config{Path: path, seams: seams{migrations: migrations[:1]}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = old.Close() }()
	s := openFormat(t, path)
	_, openErr := Open(t.Context(), Config{Path: path, seams: seams{migrations: migrations[:1]}})
	for what, err := range map[string]error{
		"Open":   openErr,
		"View":   old.View(t.Context(), func(store.Reader) error { return nil }),
		"Update": old.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return []audit.Event{{}}, nil }),
	} {
		if !errors.Is(err, store.ErrForeign) || !strings.Contains(err.Error(), "upgrade the provider") {
			t.Errorf("%s by the older program = %v", what, err)
		}
	}
	wantFixture(t, s, 1)
}
