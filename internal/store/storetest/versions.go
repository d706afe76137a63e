package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// versionTests are for stores that tell versions; others pass.
var versionTests = map[string]func(*testing.T, opener){
	"changes": versionChanges,
	"aside":   versionAside,
	"undone":  versionUndone,
}

// version returns the versions of two agents, as an Update reads them.
func version(t *testing.T, s store.Store) (one, two store.Version) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		one, two = versionsIn(t, tx)
		return nil
	})
	return one, two
}

func versionsIn(t *testing.T, tx store.Tx) (one, two store.Version) {
	t.Helper()
	v, ok := tx.(store.Versioned)
	if !ok {
		t.Skip("this store tells no versions")
	}
	one, two = v.Version(id(1)), v.Version(id(2))
	if one == (store.Version{}) || two == (store.Version{}) {
		t.Error("a version stands for nothing")
	}
	return one, two
}

// versioned is a store with two agents that have of everything.
func versioned(t *testing.T, s store.Store) {
	t.Helper()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	update(t, s, func(tx store.Tx) error {
		return errors.Join(
			tx.AddSecret(store.Secret{AgentID: id(1), ID: id(11)}),
			tx.AddCredential(store.Credential{AgentID: id(1), Kind: store.KeyKind, ID: "key"}),
			tx.AddRole(store.Role{ID: id(21), Name: "reader"}), tx.AddMember(id(21), id(1)),
			tx.AddClient(store.Client{ID: id(1), Name: "of the same id"}),
			tx.SetSigningKey(store.SigningKey{ID: "signing", Sealed: []byte{1}}),
		)
	})
}

// versionChanges: whatever decides who may log in changes the version, whoever
// changed it, at once.
func versionChanges(t *testing.T, open opener) {
	s, other := open(), open()
	versioned(t, s)
	_, _ = version(t, s)
	for _, tt := range []struct {
		name   string
		change func(tx store.Tx) error
		all    bool // concerns others too
	}{
		{"SetAgent", func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(1), Locked: true}) }, false},
		{"AddSecret", func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(1), ID: id(12)}) }, false},
		{"SetSecret", func(tx store.Tx) error {
			return tx.SetSecret(store.Secret{AgentID: id(1), ID: id(11), Revoked: time.Now()})
		}, false},
		{"AddCredential", func(tx store.Tx) error {
			return tx.AddCredential(store.Credential{AgentID: id(1), Kind: store.CertificateKind, ID: "1"})
		}, false},
		{"SetCredential", func(tx store.Tx) error {
			return tx.SetCredential(store.Credential{AgentID: id(1), Kind: store.KeyKind, ID: "key", Revoked: time.Now()})
		}, false},
		{"SetRole", func(tx store.Tx) error {
			return tx.SetRole(store.Role{ID: id(21), Name: "reader", Scopes: []string{"write"}})
		}, true},
		{"RemoveMember", func(tx store.Tx) error { return tx.RemoveMember(id(21), id(1)) }, false},
		{"AddMember", func(tx store.Tx) error { return tx.AddMember(id(21), id(1)) }, false},
		{"RemoveRole", func(tx store.Tx) error { return tx.RemoveRole(id(21)) }, true},
		{"SetClient", func(tx store.Tx) error {
			return tx.SetClient(store.Client{ID: id(1), Name: "of the same id", Epoch: 1})
		}, false},
		{"RemoveClient", func(tx store.Tx) error { return tx.RemoveClient(id(1)) }, false},
		{"SetSigningKey", func(tx store.Tx) error {
			return tx.SetSigningKey(store.SigningKey{ID: "signing", Alg: "ES256", Sealed: []byte{1}})
		}, true},
		{"RemoveSigningKey", func(tx store.Tx) error { return tx.RemoveSigningKey("signing") }, true},
		{"SetSetting", func(tx store.Tx) error { return tx.SetSetting("name", "value") }, true},
		{"RaiseEpochs", func(tx store.Tx) error { return tx.RaiseEpochs(1) }, true},
		{"RemoveAgent", func(tx store.Tx) error { return tx.RemoveAgent(id(1)) }, false},
		{"AddAgent", func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id(1)}) }, false},
	} {
		one, two := version(t, s)
		update(t, s, func(tx store.Tx) error {
			if err := tt.change(tx); err != nil {
				return err
			}
			if now, _ := versionsIn(t, tx); now == one {
				t.Errorf("%s: the version is the same in the Update that it is of", tt.name)
			}
			return nil
		})
		now, beside := version(t, s)
		if now == one {
			t.Errorf("%s: the version is the same after it", tt.name)
		}
		if tt.all && beside == two {
			t.Errorf("%s: the version of another is the same after it", tt.name)
		}
	}
	one, two := version(t, s)
	update(t, other, func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(1), Locked: true}) })
	if now, beside := version(t, s); now == one || beside == two {
		t.Error("the version is the same after another handle has changed something")
	}
}

// versionAside: what decides nothing leaves the version as it is; else nobody
// would be remembered.
func versionAside(t *testing.T, open opener) {
	s := open()
	versioned(t, s)
	one, two := version(t, s)
	if err := s.Touch(t.Context(), []store.Use{{AgentID: id(1), SecretID: id(11), At: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Count(t.Context(), "counter", 1); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx store.Tx) error { return tx.Spend("key", time.Now().Add(time.Hour)) })
	if err := try(t, s, func(store.Tx) error { return errRefused }); !errors.Is(err, errRefused) {
		t.Fatal(err)
	}
	if now, beside := version(t, s); now != one || beside != two {
		t.Error("the version is another although nothing was changed")
	}
	update(t, s, func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(2), Owner: "another"}) })
	if _, beside := version(t, s); beside == two {
		t.Error("the version is the same after a change")
	}
}

var errRefused = errors.New("refused")

// versionUndone: what an Update saw that came to nothing was never so, and nobody
// may remember it under the version of now.
func versionUndone(t *testing.T, open opener) {
	s := open()
	versioned(t, s)
	_, _ = version(t, s)
	var seen store.Version
	err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		if err := tx.SetAgent(store.Agent{ID: id(1), Locked: true}); err != nil {
			return nil, err
		}
		seen, _ = versionsIn(t, tx)
		return nil, errRefused
	})
	wantIs(t, "Update", err, errRefused)
	if now, _ := version(t, s); now == seen {
		t.Error("the version is that of a change that was undone")
	}
}
