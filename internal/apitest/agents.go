package apitest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Paths of a PATCH.
const (
	pathDisplayName = api.SchemaWSO2Agent + ":DisplayName"
	pathDescription = api.SchemaWSO2Agent + ":Description"
	pathLocked      = api.SchemaWSO2 + ":accountLocked"
	pathScopes      = api.SchemaCredentials + ":scopes"
)

func server(s *suite) {
	if s.srv.MaxSecrets < 1 || s.srv.Kind == "" {
		s.Errorf("Server = %+v", s.srv)
	}
	s.bare() // makes the store where there was none
	first, err := s.c.Server(s.Context())
	s.ok("Server", err)
	again, err := s.c.Server(s.Context())
	s.ok("Server", err)
	equal(s, "Server again", again, first)
	if first.StoreID == "" {
		s.Error("a server with an agent has no store id")
	}
	now, err := s.c.Now(s.Context())
	if err != nil || time.Since(now).Abs() > 24*time.Hour {
		s.Errorf("Now = %v, %v", now, err)
	}
}

func createAgent(s *suite) {
	profile := api.AgentProfile{DisplayName: s.word(), Description: "made \"by\" a <test> é", Owner: "ann@org"}
	made := s.create(api.Agent{Profile: profile})
	if made.ID == "" || made.UserName != api.UserNamePrefix+made.ID || !made.IsAgent() {
		s.Errorf("id %q, userName %q", made.ID, made.UserName)
	}
	if n := len(made.Password.Reveal()); n < secret.MinLen || n > secret.MaxLen {
		s.Errorf("the password has %d characters", n)
	}
	if made.Meta == nil || !strings.HasSuffix(made.Meta.Location, api.PathAgent(made.ID)) {
		s.Errorf("meta = %+v", made.Meta)
	}
	read := s.agent(made.ID)
	if !read.Password.IsZero() {
		s.Error("a read shows the password")
	}
	for _, a := range []api.Agent{made, read} {
		equal(s, "DisplayName", a.Profile.DisplayName, profile.DisplayName)
		equal(s, "Description", a.Profile.Description, profile.Description)
		equal(s, "Owner", a.Profile.Owner, profile.Owner)
		equal(s, "Blocked", a.Blocked(), false)
		for _, text := range []string{a.Meta.Created, a.Meta.LastModified} {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				s.Errorf("meta has the time %q: %v", text, err)
			}
		}
	}
	twin := s.create(api.Agent{Profile: profile})
	if twin.ID == made.ID {
		s.Error("two agents of one name have one id: names are not unique")
	}
}

func createWithPassword(s *suite) {
	chosen := secret.Generate()
	made := s.create(api.Agent{Password: chosen, Profile: api.AgentProfile{DisplayName: s.word()}})
	if !made.Password.Equal(chosen) {
		s.Error("the password that was chosen does not come back")
	}
}

func createWithoutSecret(s *suite) {
	made := s.bare()
	if !made.Password.IsZero() {
		s.Error("an agent without a secret has a password")
	}
	secrets, err := s.c.Secrets(s.Context(), made.ID)
	s.ok("Secrets", err)
	equal(s, "the number of secrets", len(secrets), 0)
}

func unknownAgent(s *suite) {
	s.bare()
	id, ctx := newID(), s.Context()
	_, err := s.c.Agent(ctx, id)
	s.gone("Agent", err)
	_, err = s.c.ReadAgent(ctx, id)
	s.gone("ReadAgent", err)
	_, err = s.c.PatchAgent(ctx, id, []api.Operation{api.Replace(pathDisplayName, "x")})
	s.gone("PatchAgent", err)
	_, err = s.c.ReplaceAgent(ctx, api.Agent{ID: id, UserName: api.UserNamePrefix + id})
	s.gone("ReplaceAgent", err)
	s.gone("DeleteAgent", s.c.DeleteAgent(ctx, id, ""))
	if !s.srv.Extended() {
		return
	}
	_, err = s.c.Secrets(ctx, id)
	s.gone("Secrets", err)
	_, err = s.c.AddSecret(ctx, id, api.SecretRequest{})
	s.gone("AddSecret", err)
	s.gone("RevokeAll", s.c.RevokeAll(ctx, id))
}

func externalID(s *suite) {
	name := s.word()
	made := s.create(api.Agent{ExternalID: name})
	_, err := s.c.CreateAgent(s.Context(), api.Agent{ExternalID: name})
	s.refused("a second agent with the external id", err, api.ErrExists)
	found, ok, err := s.c.AgentByExternalID(s.Context(), name)
	s.ok("AgentByExternalID", err)
	if !ok || found.ID != made.ID {
		s.Errorf("AgentByExternalID = %s, %v; want %s", found.ID, ok, made.ID)
	}
	_, ok, err = s.c.AgentByExternalID(s.Context(), strings.ToUpper(name))
	s.ok("AgentByExternalID", err)
	equal(s, "found in other letters", ok, false)
	s.patch(made.ID, api.Operation{Op: "remove", Path: "externalId"})
	_, ok, err = s.c.AgentByExternalID(s.Context(), name)
	s.ok("AgentByExternalID", err)
	equal(s, "found after it was removed", ok, false)
	s.create(api.Agent{ExternalID: name})
	if !s.srv.Extended() {
		return // no other server refuses it
	}
	_, err = s.c.PatchAgent(s.Context(), made.ID, []api.Operation{api.Replace("externalId", name)})
	s.refused("taking the external id of another", err, api.ErrExists)
}

func patchAgent(s *suite) {
	made := s.create(api.Agent{Profile: api.AgentProfile{DisplayName: s.word(), Owner: "o"}})
	for range 2 {
		changed := s.patch(made.ID, api.Replace(pathDescription, "new"), api.Replace(pathDisplayName, "renamed"))
		for _, a := range []api.Agent{changed, s.agent(made.ID)} {
			equal(s, "Description", a.Profile.Description, "new")
			equal(s, "DisplayName", a.Profile.DisplayName, "renamed")
			equal(s, "Owner", a.Profile.Owner, "o")
			if !a.Password.IsZero() {
				s.Error("the answer to a PATCH has a password")
			}
		}
	}
	s.patch(made.ID, api.Operation{Op: "remove", Path: pathDescription})
	if text := s.agent(made.ID).Profile.Description; text != "" {
		s.inferred("Description after its removal = %q", text)
	}
	_, err := s.c.PatchAgent(s.Context(), made.ID, []api.Operation{api.Replace("nonsense", "x")})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 {
		s.inferred("PATCH of an unknown attribute = %v, want a 400", err)
	}
}

func patchExtension(s *suite) {
	made := s.create(api.Agent{Extension: &api.AgentSecurity{
		Scopes: []string{"b", "a", "b"}, Audiences: []string{"https://api"}, AllowedAuthMethods: []string{"private_key_jwt"},
	}})
	check := func(what string, a api.Agent, scopes ...string) {
		s.Helper()
		if !slices.Equal(a.Extension.Scopes, scopes) {
			s.Errorf("scopes %s = %v, want %v", what, a.Extension.Scopes, scopes)
		}
	}
	check("at first", made, "a", "b")
	check("added to", s.patch(made.ID, api.Operation{Op: "add", Path: pathScopes, Value: []byte(`["c"]`)}), "a", "b", "c")
	check("replaced", s.patch(made.ID, api.Replace(pathScopes, []string{"z"})), "z")
	check("removed", s.patch(made.ID, api.Operation{Op: "remove", Path: pathScopes}))
	a := s.agent(made.ID)
	if !slices.Equal(a.Extension.Audiences, []string{"https://api"}) || !slices.Equal(a.Extension.AllowedAuthMethods, []string{"private_key_jwt"}) {
		s.Errorf("what no PATCH named changed: %+v", a.Extension)
	}
	_, err := s.c.PatchAgent(s.Context(), made.ID, []api.Operation{api.Replace(api.SchemaCredentials+":allowedAuthMethods", []string{"smile"})})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 {
		s.Errorf("an unknown way to authenticate = %v, want a 400", err)
	}
}

func replaceAgent(s *suite) {
	made := s.create(api.Agent{Profile: api.AgentProfile{DisplayName: s.word(), Description: "d", Owner: "o"}})
	changed, err := s.c.ReplaceAgent(s.Context(), api.Agent{
		ID: made.ID, UserName: made.UserName, Profile: api.AgentProfile{DisplayName: "replaced"},
	})
	s.ok("ReplaceAgent", err)
	for _, a := range []api.Agent{changed, s.agent(made.ID)} {
		equal(s, "DisplayName", a.Profile.DisplayName, "replaced")
		if a.Profile.Description+a.Profile.Owner != "" {
			s.inferred("a PUT without description and owner leaves %q, %q", a.Profile.Description, a.Profile.Owner)
		}
	}
	_, err = s.c.ReplaceAgent(s.Context(), api.Agent{ID: made.ID, UserName: api.UserNamePrefix + newID()})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 || e.ScimType != api.TypeMutability {
		s.Errorf("a PUT with another userName = %v, want 400 mutability", err)
	}
}

func blockAgent(s *suite) {
	id := s.bare().ID
	equal(s, "locked", s.patch(id, api.Replace(pathLocked, true)).Blocked(), true)
	equal(s, "locked, read", s.agent(id).Blocked(), true)
	equal(s, "unlocked", s.patch(id, api.Replace(pathLocked, false)).Blocked(), false)
	if s.srv.Extended() {
		equal(s, "inactive", s.patch(id, api.Replace("active", false)).Blocked(), true)
		equal(s, "active", s.patch(id, api.Replace("active", true)).Blocked(), false)
		return
	}
	if _, err := s.c.PatchAgent(s.Context(), id, []api.Operation{api.Replace("active", false)}); err != nil {
		s.inferred("active = false is refused: %v", err)
	}
	equal(s, "inactive of a server that looks at locks alone", s.agent(id).Blocked(), false)
}

// patchPassword sets a secret as clients of WSO2 do.
func patchPassword(s *suite) {
	made := s.create(api.Agent{Profile: api.AgentProfile{DisplayName: s.word()}})
	before := s.agent(made.ID).System.LastPasswordUpdateTime
	patch, err := api.PasswordPatch(secret.Generate())
	s.ok("PasswordPatch", err)
	changed := s.patch(made.ID, patch.Operations...)
	if !changed.Password.IsZero() {
		s.Error("the answer has the password")
	}
	if after := s.agent(made.ID).System.LastPasswordUpdateTime; after <= before {
		s.Errorf("lastPasswordUpdateTime went from %q to %q", before, after)
	}
	if !s.srv.Extended() {
		return
	}
	secrets, err := s.c.Secrets(s.Context(), made.ID)
	s.ok("Secrets", err)
	if len(secrets) != 2 || secrets[0].Status != api.Active || secrets[1].Status != api.Revoked {
		s.Errorf("secrets = %+v, want a new one and the old one revoked", secrets)
	}
}

func findAgents(s *suite) {
	mark := s.word()
	var ids []string
	for _, name := range []string{"one", "two", "three"} {
		ids = append(ids, s.create(api.Agent{ExternalID: mark + "/" + name,
			Profile: api.AgentProfile{DisplayName: mark + " " + name, Owner: mark, Description: "is " + name}}).ID)
	}
	find := func(f api.Filter) (found []string) {
		s.Helper()
		for a, err := range s.c.FindAgents(s.Context(), f) {
			s.ok("FindAgents", err)
			found = append(found, a.ID)
		}
		slices.Sort(found)
		return found
	}
	display := api.SchemaWSO2Agent + ".DisplayName"
	for _, tt := range []struct {
		filter api.Filter
		want   []string
	}{
		{api.Filter{{Attribute: display, Op: "sw", Value: mark}}, ids},
		{api.Filter{{Attribute: display, Op: "co", Value: mark[2:] + " t"}}, ids[1:]},
		{api.Filter{{Attribute: display, Op: "eq", Value: mark + " two"}}, ids[1:2]},
		{api.Filter{{Attribute: display, Op: "sw", Value: mark}, {Attribute: display, Op: "ew", Value: "one"}}, ids[:1]},
		{api.Filter{{Attribute: "id", Op: "eq", Value: ids[2]}}, ids[2:]},
		{api.Filter{{Attribute: "userName", Op: "eq", Value: api.UserNamePrefix + ids[2]}}, ids[2:]},
		{api.Filter{{Attribute: display, Op: "eq", Value: mark}}, nil},
		// Without the URN, and what a WSO2 server has no attribute of its own for.
		{api.Filter{{Attribute: "DisplayName", Op: "sw", Value: mark}, {Attribute: "Owner", Op: "eq", Value: mark}}, ids},
		{api.Filter{{Attribute: "Owner", Op: "eq", Value: mark}, {Attribute: "Description", Op: "eq", Value: "is two"}}, ids[1:2]},
		{api.Filter{{Attribute: "Owner", Op: "eq", Value: mark}, {Attribute: api.SchemaWSO2Agent + ":Description", Op: "ew", Value: "one"}}, ids[:1]},
		{api.Filter{{Attribute: "Owner", Op: "eq", Value: mark}, {Attribute: "Description", Op: "co", Value: "is t"}}, ids[1:]},
		{api.Filter{{Attribute: "Owner", Op: "eq", Value: mark}, {Attribute: "Description", Op: "co", Value: mark}}, nil},
		{api.Filter{{Attribute: "externalId", Op: "sw", Value: mark + "/t"}}, ids[1:]},
		{api.Filter{{Attribute: "externalId", Op: "eq", Value: mark + "/one"}}, ids[:1]},
		{api.Filter{{Attribute: "externalId", Op: "co", Value: mark[2:] + "/"}, {Attribute: "DisplayName", Op: "ew", Value: "one"}}, ids[:1]},
		{api.Filter{{Attribute: "Owner", Op: "eq", Value: mark}, {Attribute: "externalId", Op: "ew", Value: "/two"}}, ids[1:2]},
	} {
		want := slices.Sorted(slices.Values(tt.want))
		if got := find(tt.filter); !slices.Equal(got, want) {
			s.inferred("filter %s finds %v, want %v", tt.filter, got, want)
		}
	}
	all := find(nil)
	for _, id := range ids {
		if n := len(slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other != id })); n != 1 {
			s.Errorf("agent %s is %d times among all", id, n)
		}
	}
}

// readAgent reads more agents than are asked for one by one: what comes from a
// page must be what a single read gives.
func readAgent(s *suite) {
	var ids []string
	for range 6 {
		ids = append(ids, s.bare().ID)
	}
	for _, id := range ids {
		read, err := s.c.ReadAgent(s.Context(), id)
		s.ok("ReadAgent", err)
		single := s.agent(id)
		equal(s, "id", read.ID, id)
		equal(s, "userName", read.UserName, single.UserName)
		equal(s, "DisplayName", read.Profile.DisplayName, single.Profile.DisplayName)
		equal(s, "lastModified", read.Meta.LastModified, single.Meta.LastModified)
	}
	s.patch(ids[5], api.Replace(pathDisplayName, "changed"))
	read, err := s.c.ReadAgent(s.Context(), ids[5])
	s.ok("ReadAgent", err)
	equal(s, "DisplayName after a change", read.Profile.DisplayName, "changed")
}

func deleteAgent(s *suite) {
	id := s.bare().ID
	s.ok("DeleteAgent", s.c.DeleteAgent(s.Context(), id, ""))
	_, err := s.c.Agent(s.Context(), id)
	s.gone("Agent", err)
	err = s.c.DeleteAgent(s.Context(), id, "")
	s.gone("DeleteAgent again", err)
	if errors.Is(err, client.ErrNotAgent) {
		s.Error("a deleted agent is taken for a person")
	}
}

func ownerToken(s *suite) {
	made := s.create(api.Agent{Extension: &api.AgentSecurity{OwnerToken: "mine"}})
	s.refused("DeleteAgent with another owner token", s.c.DeleteAgent(s.Context(), made.ID, "theirs"), api.ErrStale)
	s.patch(made.ID, api.Replace(api.SchemaCredentials+":ownerToken", "theirs"))
	s.refused("DeleteAgent with the former owner token", s.c.DeleteAgent(s.Context(), made.ID, "mine"), api.ErrStale)
	s.ok("DeleteAgent", s.c.DeleteAgent(s.Context(), made.ID, "theirs"))
}

// setPassword sets the secret of a server that keeps one: the time at which it
// was set tells that it was.
func setPassword(s *suite) {
	made := s.create(api.Agent{Profile: api.AgentProfile{DisplayName: s.word()}})
	before := s.agent(made.ID).PasswordTime()
	if before == 0 {
		s.inferred("a new agent does not tell when its secret was set")
	}
	for range 2 {
		after, err := s.c.SetPassword(s.Context(), made.ID, secret.GenerateWSO2())
		s.ok("SetPassword", err)
		if after.PasswordTime() <= before {
			s.Errorf("the secret was set at %d, and before at %d", after.PasswordTime(), before)
		}
		before = after.PasswordTime()
		equal(s, "when the secret was set, read", s.agent(made.ID).PasswordTime(), before)
		equal(s, "the client knows that it did it", s.c.PasswordSetHere(after), true)
	}
}
