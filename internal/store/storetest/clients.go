package storetest

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var clientTests = map[string]func(*testing.T, opener){
	"as it was written": clientRecords,
	"not there, taken":  clientErrors,
	"oldest first":      clientOrder,
}

var keyTests = map[string]func(*testing.T, opener){
	"as it was written": keyRecords,
	"settings":          settings,
}

// fullClient has a value in every field.
func fullClient(n int, name string) store.Client {
	return store.Client{
		ID: id(n), Name: name, Scopes: []string{"a", "b"}, Epoch: 3, Created: time.UnixMicro(1_700_000_000_000_001).UTC(), Creator: "admin",
		Secrets: []store.ClientSecret{{ID: "s", Digest: "d", Hint: "h", Created: 1, Expires: 2}, {ID: "t"}},
		Keys:    []store.ClientKey{{ID: "k", Alg: "a", Public: "p", Fingerprint: "f", Created: 1, Expires: 2}, {ID: "l", Subject: map[string]string{"dn": "CN=tf"}, Retiring: true}},
	}
}

func readClient(t *testing.T, s store.Store, id string) (c store.Client, err error) {
	t.Helper()
	err = s.View(t.Context(), func(r store.Reader) (err error) {
		c, err = r.Client(id)
		return err
	})
	return c, err
}

func clientRecords(t *testing.T, open opener) {
	s, other := open(), open()
	for n, want := range []store.Client{fullClient(1, "full"), {ID: id(2), Name: "empty"}} {
		update(t, s, func(tx store.Tx) error { return tx.AddClient(want) })
		got, err := readClient(t, other, want.ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("client %d: %v (-want +got):\n%s", n, err, diff)
		}
	}
	want := fullClient(1, "other name")
	want.Epoch, want.Secrets, want.Keys, want.Scopes = 9, want.Secrets[:1], want.Keys[1:], nil
	update(t, other, func(tx store.Tx) error { return tx.SetClient(want) })
	got, err := readClient(t, s, want.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("SetClient: %v (-want +got):\n%s", err, diff)
	}
}

func clientErrors(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(5)}) // the ids of agents are a space of their own
	update(t, s, func(tx store.Tx) error {
		if err := tx.AddClient(fullClient(1, "one")); err != nil {
			return err
		}
		return tx.AddClient(fullClient(2, "two"))
	})
	_, err := readClient(t, s, id(5))
	wantIs(t, "Client with an agent's id", err, store.ErrNotFound)
	for name, tt := range map[string]struct {
		fn   func(store.Tx) error
		want error
	}{
		"AddClient, id taken":       {func(tx store.Tx) error { return tx.AddClient(fullClient(1, "three")) }, store.ErrExists},
		"AddClient, name taken":     {func(tx store.Tx) error { return tx.AddClient(fullClient(3, "one")) }, store.ErrExists},
		"SetClient, name taken":     {func(tx store.Tx) error { return tx.SetClient(fullClient(2, "one")) }, store.ErrExists},
		"SetClient, not there":      {func(tx store.Tx) error { return tx.SetClient(fullClient(9, "nine")) }, store.ErrNotFound},
		"RemoveClient, not there":   {func(tx store.Tx) error { return tx.RemoveClient(id(9)) }, store.ErrNotFound},
		"RemoveClient, an agent":    {func(tx store.Tx) error { return tx.RemoveClient(id(5)) }, store.ErrNotFound},
		"RemoveSigningKey, unknown": {func(tx store.Tx) error { return tx.RemoveSigningKey("x") }, store.ErrNotFound},
	} {
		wantIs(t, name, try(t, s, tt.fn), tt.want)
	}
	update(t, s, func(tx store.Tx) error { return tx.AddClient(fullClient(5, "five")) })
	update(t, s, func(tx store.Tx) error { return tx.RemoveClient(id(2)) })
	update(t, s, func(tx store.Tx) error { return tx.AddClient(fullClient(6, "two")) }) // the name is free
	_, err = readClient(t, s, id(2))
	wantIs(t, "Client that was removed", err, store.ErrNotFound)
}

func clientOrder(t *testing.T, open opener) {
	s := open()
	var got []store.Client
	list := func() {
		view(t, s, func(r store.Reader) (err error) {
			got, err = r.Clients()
			return err
		})
	}
	if list(); len(got) != 0 {
		t.Errorf("a new store has the clients %v", got)
	}
	for _, n := range []int{3, 1, 2} {
		update(t, s, func(tx store.Tx) error { return tx.AddClient(store.Client{ID: id(n), Name: id(n)}) })
	}
	update(t, s, func(tx store.Tx) error { return tx.SetClient(store.Client{ID: id(3), Name: "changed"}) })
	if list(); len(got) != 3 || got[0].ID != id(3) || got[1].ID != id(1) || got[2].ID != id(2) {
		t.Errorf("Clients = %v", got)
	}
}

func keyRecords(t *testing.T, open opener) {
	s, other := open(), open()
	at := time.UnixMicro(1_700_000_000_000_001).UTC()
	want := []store.SigningKey{
		{ID: "b", Alg: "ES256", Public: "{}", Sealed: []byte{0, 1, 255}, Created: at, Signs: at.Add(time.Hour), Revoked: at.Add(2 * time.Hour)},
		{ID: "a", Alg: "RS256", Public: "x", Sealed: []byte("s"), Created: at, Signs: at},
	}
	for _, k := range want {
		update(t, s, func(tx store.Tx) error { return tx.SetSigningKey(k) })
	}
	check := func(what string, want []store.SigningKey) {
		t.Helper()
		view(t, other, func(r store.Reader) error {
			got, err := r.SigningKeys()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			return err
		})
	}
	check("in the order in which they were made", want)
	want[0].Revoked, want[0].Public = time.Time{}, "y"
	update(t, s, func(tx store.Tx) error { return tx.SetSigningKey(want[0]) })
	check("one was replaced, and keeps its place", want)
	update(t, s, func(tx store.Tx) error { return tx.RemoveSigningKey("b") })
	check("one was removed", want[1:])
}

func settings(t *testing.T, open opener) {
	s, other := open(), open()
	want := func(name, want string) {
		t.Helper()
		view(t, other, func(r store.Reader) error {
			got, err := r.Setting(name)
			if got != want {
				t.Errorf("Setting(%q) = %q, want %q", name, got, want)
			}
			return err
		})
	}
	set := func(name, value string) {
		t.Helper()
		update(t, s, func(tx store.Tx) error { return tx.SetSetting(name, value) })
	}
	want("a", "")
	set("a", "")
	set("a", "1")
	set("b", "é'\"")
	want("a", "1")
	want("b", "é'\"")
	set("a", "2")
	want("a", "2")
	set("a", "")
	want("a", "")
	set("store_id", "mine") // the store's own facts are out of reach
	if s.ID() == "mine" || open().ID() != s.ID() {
		t.Error("a setting changed the id of the store")
	}
	want("store_id", "mine")
}
