package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var roleTests = map[string]func(*testing.T, opener){
	"as it was written": roleRecords,
	"not there, taken":  roleErrors,
	"pages":             rolePages,
	"members":           members,
	"gone with theirs":  membersRemoved,
}

// roleFor has a value in every field.
func roleFor(n int, name string) store.Role {
	return store.Role{
		ID: id(n), Name: name, Scopes: []string{"a", "b"}, Creator: "admin", Created: time.UnixMicro(1_700_000_000_000_001).UTC(),
	}
}

func addRoles(t *testing.T, s store.Store, all ...store.Role) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, r := range all {
			if err := tx.AddRole(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func roleRecords(t *testing.T, open opener) {
	s, other := open(), open()
	check := func(want store.Role) {
		t.Helper()
		view(t, other, func(r store.Reader) error {
			got, err := r.Role(want.ID)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Role (-want +got):\n%s", diff)
			}
			return err
		})
	}
	for _, want := range []store.Role{roleFor(1, "full"), {ID: id(2), Name: "empty"}} {
		addRoles(t, s, want)
		check(want)
	}
	want := roleFor(1, "other name")
	want.Scopes, want.Creator = nil, "x"
	update(t, other, func(tx store.Tx) error { return tx.SetRole(want) })
	check(want)
}

func roleErrors(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(5)}) // the ids of agents are a space of their own
	addRoles(t, s, roleFor(1, "one"), roleFor(2, "two"))
	update(t, s, func(tx store.Tx) error { return tx.AddMember(id(1), id(5)) })
	for name, tt := range map[string]struct {
		fn   func(store.Tx) error
		want error
	}{
		"Role with an agent's id":   {func(tx store.Tx) error { _, err := tx.Role(id(5)); return err }, store.ErrNotFound},
		"AddRole, id taken":         {func(tx store.Tx) error { return tx.AddRole(roleFor(1, "three")) }, store.ErrExists},
		"AddRole, name taken":       {func(tx store.Tx) error { return tx.AddRole(roleFor(3, "one")) }, store.ErrExists},
		"SetRole, name taken":       {func(tx store.Tx) error { return tx.SetRole(roleFor(2, "one")) }, store.ErrExists},
		"SetRole, not there":        {func(tx store.Tx) error { return tx.SetRole(roleFor(9, "nine")) }, store.ErrNotFound},
		"RemoveRole, not there":     {func(tx store.Tx) error { return tx.RemoveRole(id(9)) }, store.ErrNotFound},
		"AddMember again":           {func(tx store.Tx) error { return tx.AddMember(id(1), id(5)) }, store.ErrExists},
		"AddMember, no such role":   {func(tx store.Tx) error { return tx.AddMember(id(9), id(5)) }, store.ErrNotFound},
		"AddMember, no such agent":  {func(tx store.Tx) error { return tx.AddMember(id(1), id(9)) }, store.ErrNotFound},
		"RemoveMember, another's":   {func(tx store.Tx) error { return tx.RemoveMember(id(2), id(5)) }, store.ErrNotFound},
		"RemoveMember, no such one": {func(tx store.Tx) error { return tx.RemoveMember(id(1), id(9)) }, store.ErrNotFound},
	} {
		wantIs(t, name, try(t, s, tt.fn), tt.want)
	}
	update(t, s, func(tx store.Tx) error { return tx.RemoveRole(id(2)) })
	addRoles(t, s, roleFor(6, "two")) // the name is free
}

func rolePages(t *testing.T, open opener) {
	s := open()
	for _, n := range []int{3, 1, 2} {
		addRoles(t, s, store.Role{ID: id(n), Name: "Role " + id(n)})
	}
	update(t, s, func(tx store.Tx) error { return tx.SetRole(store.Role{ID: id(3), Name: "changed"}) })
	for _, tt := range []struct {
		q     store.Query
		want  []string
		total int
	}{
		{store.Query{Limit: 9}, []string{id(3), id(1), id(2)}, 3},
		{store.Query{Offset: 1, Limit: 1}, []string{id(1)}, 3},
		{store.Query{}, nil, 3},
		{store.Query{Limit: 9, Where: []store.Condition{{Field: store.DisplayName, Op: store.StartsWith, Value: "role "}}}, []string{id(1), id(2)}, 2},
		{store.Query{Limit: 9, Where: []store.Condition{{Field: store.ID, Op: store.Equal, Value: id(2)}}}, []string{id(2)}, 1},
		{store.Query{Limit: 9, Where: []store.Condition{{Field: store.Owner, Op: store.Contains, Value: "a"}}}, nil, 0},
	} {
		view(t, s, func(r store.Reader) error {
			page, err := r.Roles(tt.q)
			var got []string
			for _, role := range page.Roles {
				got = append(got, role.ID)
			}
			if !slices.Equal(got, tt.want) || page.Total != tt.total {
				t.Errorf("Roles(%+v) = %v of %d, want %v of %d", tt.q, got, page.Total, tt.want, tt.total)
			}
			return err
		})
	}
}

// holds checks who has a role, and which roles those have.
func holds(t *testing.T, s store.Store, role string, agents ...string) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		found, err := r.Members(role)
		if err != nil {
			return err
		}
		var got []string
		for _, m := range found {
			got = append(got, m.AgentID)
			if m.Name != "name of "+m.AgentID {
				t.Errorf("%s is called %q", m.AgentID, m.Name)
			}
		}
		if !slices.Equal(got, agents) {
			t.Errorf("Members(%s) = %v, want %v", role, got, agents)
		}
		of, err := r.RolesOf([]string{id(1), id(2), id(3), id(99)})
		for n := 1; n <= 3; n++ {
			if has := slices.ContainsFunc(of[id(n)], func(r store.Role) bool { return r.ID == role }); has != slices.Contains(agents, id(n)) {
				t.Errorf("RolesOf says that %s has %s: %v", id(n), role, has)
			}
		}
		return err
	})
}

func namedAgents(t *testing.T, s store.Store) {
	t.Helper()
	for n := 1; n <= 3; n++ {
		add(t, s, store.Agent{ID: id(n), DisplayName: "name of " + id(n)})
	}
}

func members(t *testing.T, open opener) {
	s, other := open(), open()
	namedAgents(t, s)
	first, second := roleFor(11, "first"), roleFor(12, "second")
	addRoles(t, s, first, second)
	holds(t, other, first.ID)
	for _, pair := range [][2]string{{second.ID, id(3)}, {first.ID, id(3)}, {second.ID, id(1)}, {second.ID, id(2)}} {
		update(t, s, func(tx store.Tx) error { return tx.AddMember(pair[0], pair[1]) })
	}
	holds(t, other, second.ID, id(1), id(2), id(3))
	holds(t, other, first.ID, id(3))
	view(t, other, func(r store.Reader) error {
		of, err := r.RolesOf([]string{id(1), id(3), id(99)})
		want := map[string][]store.Role{id(1): {second}, id(3): {first, second}}
		if diff := cmp.Diff(want, of); diff != "" {
			t.Errorf("RolesOf (-want +got):\n%s", diff)
		}
		return err
	})
	update(t, other, func(tx store.Tx) error { return tx.RemoveMember(second.ID, id(2)) })
	update(t, other, func(tx store.Tx) error { return tx.SetRole(roleFor(12, "renamed")) })
	holds(t, s, second.ID, id(1), id(3))
	holds(t, s, first.ID, id(3))
}

func membersRemoved(t *testing.T, open opener) {
	s := open()
	namedAgents(t, s)
	addRoles(t, s, roleFor(11, "first"), roleFor(12, "second"))
	update(t, s, func(tx store.Tx) error {
		for _, role := range []string{id(11), id(12)} {
			for n := 1; n <= 3; n++ {
				if err := tx.AddMember(role, id(n)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error { return tx.RemoveAgent(id(2)) })
	holds(t, s, id(11), id(1), id(3))
	update(t, s, func(tx store.Tx) error { return tx.RemoveRole(id(11)) })
	holds(t, s, id(11))
	holds(t, s, id(12), id(1), id(3))
	add(t, s, store.Agent{ID: id(2), DisplayName: "name of " + id(2)}) // another agent
	addRoles(t, s, roleFor(11, "first"))
	holds(t, s, id(11))
	holds(t, s, id(12), id(1), id(3))
}
