//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// filled is a store in a file that has some of everything.
func filled(t *testing.T, agents int) *sqlite.Store {
	t.Helper()
	return filledAt(t, filepath.Join(t.TempDir(), "agents.db"), agents)
}

func filledAt(t *testing.T, path string, agents int) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true, Creator: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	at := time.UnixMicro(1_700_000_000_123_456).UTC()
	err = s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		errs := []error{
			tx.AddRole(store.Role{ID: "r", Name: "role", Scopes: []string{"a"}, Created: at}),
			tx.AddClient(store.Client{ID: "c", Name: "client", Scopes: []string{"x"}, Secrets: []store.ClientSecret{{ID: "s", Digest: "d"}}}),
			tx.SetSigningKey(store.SigningKey{ID: "k", Alg: "ES256", Sealed: []byte{0, 1, 255}, Created: at}),
			tx.SetCAKey(store.CAKey{ID: "ca", Certificate: "pem", Sealed: []byte{}}),
			tx.SetRevocation(store.Revocation{CA: "ca", Serial: "1f", Revoked: at, Expires: 1 << 40}),
			tx.SetSetting("seal_key", "fingerprint"),
			tx.Spend("jti", time.Now().Add(time.Hour)),
		}
		for n := range agents {
			id := fmt.Sprint("agent-", n)
			errs = append(errs,
				tx.AddAgent(store.Agent{ID: id, DisplayName: "é✓ " + id, ExternalID: id, UserServing: n%2 == 0, Locked: n%3 == 0,
					Attributes: map[string]string{"k": "v"}, Created: at}),
				tx.AddSecret(store.Secret{AgentID: id, ID: "s", Digest: "d", Created: int64(n), Retiring: n%2 == 1, Revoked: at}),
				tx.AddCredential(store.Credential{AgentID: id, Kind: store.KeyKind, ID: "k", Public: "{}", Subject: map[string]string{"a": "b"}}),
				tx.AddMember("r", id),
			)
		}
		return []audit.Event{{Action: audit.AgentCreate, AgentID: "agent-0", Reason: "é"}}, errors.Join(errs...)
	})
	if err == nil {
		_, err = s.Count(t.Context(), "unknown", 7)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everything is what a store has, read by the contract.
func everything(t *testing.T, s store.Store) (all []any) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.Reader) error {
		page, err := r.Agents(store.Query{Limit: 1 << 20})
		var ids []string
		for _, a := range page.Agents {
			ids = append(ids, a.ID)
		}
		secrets, err1 := r.Secrets(ids, 0, 9)
		credentials, err2 := r.Credentials(ids, store.KeyKind, 0, 9)
		roles, err3 := r.RolesOf(ids)
		clients, err4 := r.Clients()
		keys, err5 := r.SigningKeys()
		cas, err6 := r.CAKeys()
		revocations, err7 := r.Revocations(0)
		setting, err8 := r.Setting("seal_key")
		counter, err9 := r.Counter("unknown")
		spent, err10 := r.Spent("jti")
		all = []any{s.ID(), page, secrets, credentials, roles, clients, keys, cas, revocations, setting, counter, spent}
		return errors.Join(err, err1, err2, err3, err4, err5, err6, err7, err8, err9, err10)
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A store that was copied is the same, its id and its audit included, and can be
// written on.
func TestCopy(t *testing.T) {
	server, from := pgtest.Start(t), filled(t, 50)
	url := server.URL("")
	done, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, from)
	if err != nil {
		t.Fatal(err)
	}
	if len(done) != len(store.Tables) || done[1].Table != "agents" || done[1].Rows != 50 || len(done[1].Hash) != 64 {
		t.Errorf("Copy = %+v", done)
	}
	s := open(t, postgres.Config{URL: url, Replica: true})
	if diff := cmp.Diff(everything(t, from), everything(t, s)); diff != "" {
		t.Errorf("the copy differs (-from +to):\n%s", diff)
	}
	addAgent(t, s, "new")
	chains, all := trail(t, s)
	if len(chains.Each()) != 2 || chains.Of(0).First.Action != audit.StoreCreate || all[1].Reason != "é" {
		t.Errorf("%d chains, entry 2 is %+v", len(chains.Each()), all[1])
	}
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, from); !errors.Is(err, store.ErrExists) {
		t.Errorf("a copy into a store = %v, want ErrExists", err)
	}
}

// broken ends a copy when it comes to a table.
type broken struct {
	store.Source
	at     string
	cancel func()
}

func (b broken) Dump(ctx context.Context, fn func(func(store.Table, int64, func([]any) error) error) error) error {
	return b.Source.Dump(ctx, func(rows func(store.Table, int64, func([]any) error) error) error {
		return fn(func(t store.Table, skip int64, each func([]any) error) error {
			if t.Name == b.at {
				b.cancel()
			}
			return rows(t, skip, each)
		})
	})
}

// A copy that was broken off is no store yet. It is gone on with when nothing has
// changed, begun anew when something has, and refused when it is not what was
// copied.
func TestCopy_brokenOff(t *testing.T) {
	server, from := pgtest.Start(t), filled(t, 20)
	url := server.URL("")
	breakOff := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := postgres.Copy(ctx, postgres.Config{URL: url}, broken{from, "clients", cancel}); !errors.Is(err, context.Canceled) {
			t.Fatalf("Copy = %v, want it broken off", err)
		}
	}
	breakOff()
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: url, Create: true}); err == nil || !strings.Contains(err.Error(), "run migrate again") {
		t.Errorf("Open of half a copy = %v", err)
	}
	run(t, url, "UPDATE agentcreds.agents SET owner = 'eve' WHERE id = 'agent-7'")
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, from); err == nil || !strings.Contains(err.Error(), "table agents: the store is damaged: 20 rows with the hash") {
		t.Errorf("Copy of what was altered = %v", err)
	}
	run(t, url, "UPDATE agentcreds.agents SET owner = '' WHERE id = 'agent-7'")
	done, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, broken{from, "", nil})
	if err != nil || done[1].Before != 20 || done[6].Before != 0 {
		t.Errorf("Copy = %+v, %v", done, err)
	}

	run(t, url, "DROP SCHEMA agentcreds CASCADE")
	breakOff()
	addAgent(t, from, "late")
	if done, err = postgres.Copy(t.Context(), postgres.Config{URL: url}, from); err != nil || done[1].Before != 0 || done[1].Rows != 21 {
		t.Errorf("Copy = %+v, %v", done, err)
	}
	if diff := cmp.Diff(everything(t, from), everything(t, open(t, postgres.Config{URL: url}))); diff != "" {
		t.Errorf("the copy differs (-from +to):\n%s", diff)
	}

	// What is written while it is copied ends it.
	run(t, url, "DROP SCHEMA agentcreds CASCADE")
	writes := broken{from, "clients", sync.OnceFunc(func() { addAgent(t, from, "meanwhile") })}
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, writes); err == nil || !strings.Contains(err.Error(), "was written meanwhile") {
		t.Errorf("Copy = %v", err)
	}

	// What PostgreSQL does not keep would break the chain if it were changed: an audit
	// in a file could have it once.
	if err := from.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{{Action: audit.AgentCreate}}, tx.AddAgent(store.Agent{ID: "odd", Owner: "\xff"})
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Copy(t.Context(), postgres.Config{URL: url}, from); err == nil || !strings.Contains(err.Error(), "has bytes in owner that are no UTF-8") {
		t.Errorf("Copy = %v", err)
	}
}
