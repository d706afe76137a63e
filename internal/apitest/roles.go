package apitest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// role makes a role, which is deleted after the test.
func (s *suite) role(r api.RoleResource) api.RoleResource {
	s.Helper()
	if r.DisplayName == "" {
		r.DisplayName = s.word()
	}
	made, err := s.c.CreateRole(s.Context(), r)
	if s.lenient && errors.Is(err, api.ErrForbidden) {
		s.Skip("who manages agents need not be able to make roles: ", err)
	}
	s.ok("CreateRole", err)
	s.Cleanup(func() {
		if err := s.c.DeleteRole(context.Background(), made.ID); err != nil && !errors.Is(err, api.ErrNotFound) {
			s.Errorf("delete the role that the test made: %v", err)
		}
	})
	return made
}

// readRole reads a role from the server.
func (s *suite) readRole(id string) api.RoleResource {
	s.Helper()
	r, err := s.c.Role(s.Context(), id)
	s.ok("Role", err)
	return r
}

// has checks whether an agent shows a role, and the role the agent.
func (s *suite) has(agentID, roleID string, want bool) {
	s.Helper()
	shown := slices.ContainsFunc(s.agent(agentID).Roles, func(r api.Role) bool { return r.Value == roleID })
	held := slices.ContainsFunc(s.readRole(roleID).Users, func(u api.Reference) bool { return u.Value == agentID })
	if shown != want || held != want {
		s.Errorf("agent %s shows the role %s: %v; the role has it: %v; want %v", agentID, roleID, shown, held, want)
	}
}

func permissions(r api.RoleResource) (out []string) {
	for _, p := range r.Permissions {
		out = append(out, p.Value)
	}
	slices.Sort(out)
	return out
}

// roles: made, listed, changed and deleted. A tenant knows only the permissions
// of its own APIs, so there are none there.
func roles(s *suite) {
	want := []string{"apitest:read", "apitest:write"}
	if s.lenient {
		want = nil
	}
	name := s.word()
	made := s.role(api.RoleResource{DisplayName: name, Permissions: api.References(want)})
	if made.ID == "" || made.DisplayName != name || made.Audience == nil || made.Audience.Type != api.AudienceOrganization {
		s.Errorf("CreateRole = %+v", made)
	}
	read := s.readRole(made.ID)
	equal(s, "displayName", read.DisplayName, name)
	if !slices.Equal(permissions(read), want) || len(read.Users) != 0 {
		s.Errorf("Role = %+v", read)
	}
	all, err := s.c.Roles(s.Context())
	s.ok("Roles", err)
	if !slices.ContainsFunc(all, func(r api.RoleResource) bool { return r.ID == made.ID && r.DisplayName == name }) {
		s.Errorf("the role %s is not in the list of %d", made.ID, len(all))
	}
	for _, shown := range s.agent(s.bare().ID).Roles { // those that agents are born with
		if !slices.ContainsFunc(all, func(r api.RoleResource) bool { return r.ID == shown.Value && r.DisplayName == shown.Display }) {
			s.inferred("agents show the role %s, %q, which is not in the list of %d", shown.Value, shown.Display, len(all))
		}
		equal(s, "its name", s.readRole(shown.Value).DisplayName, shown.Display)
	}
	other := s.word()
	s.ok("PatchRole", s.c.PatchRole(s.Context(), made.ID, []api.Operation{api.Replace("displayName", other)}))
	equal(s, "displayName after a change", s.readRole(made.ID).DisplayName, other)
	if !s.lenient {
		s.ok("PatchRole", s.c.PatchRole(s.Context(), made.ID, []api.Operation{{Op: "remove", Path: `permissions[value eq "apitest:read"]`}}))
		if got := permissions(s.readRole(made.ID)); !slices.Equal(got, want[1:]) {
			s.Errorf("the permissions are %v, want %v", got, want[1:])
		}
	}
	s.ok("DeleteRole", s.c.DeleteRole(s.Context(), made.ID))
	_, err = s.c.Role(s.Context(), made.ID)
	s.gone("Role that was deleted", err)
}

// roleMembers: agents come and go, at once too, and nobody else does.
func roleMembers(s *suite) {
	ctx := s.Context()
	first, second := s.bare().ID, s.bare().ID
	role := s.role(api.RoleResource{Users: api.References([]string{first})}).ID
	s.has(first, role, true)
	s.has(second, role, false)
	for range 2 { // the second time changes nothing
		s.ok("AddRole", s.c.AddRole(ctx, role, second))
		s.has(second, role, true)
	}
	s.has(first, role, true)
	for range 2 {
		s.ok("RemoveRole", s.c.RemoveRole(ctx, role, first))
		s.has(first, role, false)
	}
	s.has(second, role, true)

	const n = 8
	ids := make([]string, n)
	for i := range ids {
		ids[i] = s.bare().ID
	}
	var done sync.WaitGroup
	for _, id := range ids {
		done.Go(func() {
			if err := s.c.AddRole(ctx, role, id); err != nil {
				s.Errorf("AddRole beside others: %v", err)
			}
		})
	}
	done.Wait()
	equal(s, "the number of members", len(s.readRole(role).Users), n+1)
	s.ok("DeleteAgent", s.c.DeleteAgent(ctx, ids[0], ""))
	equal(s, "the number of members after one was deleted", len(s.readRole(role).Users), n)

	other := s.role(api.RoleResource{Users: api.References([]string{second})}).ID
	s.ok("DeleteRole", s.c.DeleteRole(ctx, role))
	s.has(second, other, true)
	if roles := s.agent(second).Roles; slices.ContainsFunc(roles, func(r api.Role) bool { return r.Value == role }) {
		s.Errorf("the role that was deleted is still there: %+v", roles)
	}
}

func roleRefusals(s *suite) {
	ctx, id := s.Context(), s.bare().ID
	role := s.role(api.RoleResource{})
	s.gone("AddRole of an unknown role", s.c.AddRole(ctx, newID(), id))
	s.gone("RemoveRole of an unknown role", s.c.RemoveRole(ctx, newID(), id))
	s.gone("DeleteRole of an unknown role", s.c.DeleteRole(ctx, newID()))
	if err := s.c.AddRole(ctx, role.ID, newID()); err == nil {
		s.Error("an agent that is not there was given a role")
	}
	if _, err := s.c.CreateRole(ctx, api.RoleResource{DisplayName: role.DisplayName}); !errors.Is(err, &api.Error{Status: 409}) {
		s.inferred("a second role of the name = %v, want a 409", err)
	}
	if _, err := s.c.CreateRole(ctx, api.RoleResource{}); err == nil {
		s.Error("a role without a name was made")
	}
	if got := s.readRole(role.ID).Users; len(got) != 0 {
		s.Errorf("the role has the members %+v", got)
	}
}
