package authority_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

func openStore(t testing.TB, path string, c *clock) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true, Creator: "test", Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// breakAudit makes the database refuse every further audit entry.
func (w *world) breakAudit(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", w.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the audit is broken'); END`)
	if err != nil {
		t.Fatal(err)
	}
}

// blind is a store that cannot be read any more once an update was committed:
// what happens to it between two calls is not in our hands.
type blind struct {
	store.Store
	committed bool
}

var errBlind = errors.New("the store cannot be read")

func (b *blind) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	err := b.Store.Update(ctx, fn)
	b.committed = b.committed || err == nil
	return err
}

func (b *blind) View(ctx context.Context, fn func(store.Reader) error) error {
	if b.committed {
		return errBlind
	}
	return b.Store.View(ctx, fn)
}

// What was committed is answered: the value of a new secret exists nowhere
// else. The answer used to need a second read after the commit.
func TestAnswerIsNotLost(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	s := w.add(t, authority.NewSecret{AgentID: id})
	ctx := t.Context()
	for name, act := range map[string]func(a *authority.Authority) error{
		"add": func(a *authority.Authority) error {
			got, value, err := a.AddSecret(ctx, admin, authority.NewSecret{AgentID: id, ID: idOne})
			if err == nil && (!value.HasOurShape() || got.ID != idOne || !got.Latest || got.Status != authority.StatusActive) {
				t.Errorf("add answered %+v", got)
			}
			return err
		},
		"expire": func(a *authority.Authority) error {
			got, err := a.ExpireSecret(ctx, admin, id, s.ID, w.clock.in(1e12))
			if err == nil && (got.ID != s.ID || got.Expires == 0) {
				t.Errorf("expire answered %+v", got)
			}
			return err
		},
		"change": func(a *authority.Authority) error {
			got, err := a.ChangeAgent(ctx, admin, id, authority.AgentChange{Owner: new("ann")})
			if err == nil && (got.Owner != "ann" || len(got.Secrets) == 0) {
				t.Errorf("change answered %+v", got)
			}
			return err
		},
		"revoke": func(a *authority.Authority) error {
			other := w.agent(t)
			got, err := a.RevokeAgent(ctx, admin, other)
			if err == nil && (got.ID != other || got.RevokedAt.IsZero()) {
				t.Errorf("revoke answered %+v", got)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := authority.New(authority.Config{Store: &blind{Store: w.store}, Now: w.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			if err := act(a); err != nil {
				t.Errorf("done, but answered with %v", err)
			}
		})
	}
}
