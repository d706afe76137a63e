package authority_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// role makes a role and returns its id.
func (w *world) role(t testing.TB, name string, scopes []string, members ...string) string {
	t.Helper()
	r, err := w.CreateRole(t.Context(), admin, authority.NewRole{Name: name, Scopes: scopes, Members: members})
	if err != nil {
		t.Fatalf("CreateRole: %v", err)
	}
	return r.ID
}

func (w *world) changeRole(t testing.TB, id string, steps ...authority.RoleChange) authority.Role {
	t.Helper()
	r, err := w.ChangeRole(t.Context(), admin, id, steps)
	if err != nil {
		t.Fatalf("ChangeRole: %v", err)
	}
	return r
}

// membersOf are the ids of who has a role.
func (w *world) membersOf(t testing.TB, id string) (out []string) {
	t.Helper()
	r, err := w.Role(t.Context(), id)
	if err != nil {
		t.Fatalf("Role: %v", err)
	}
	for _, m := range r.Members {
		out = append(out, m.AgentID)
	}
	return out
}

// entered are what an act leaves in the audit: action, agent and target.
func (w *world) entered(t *testing.T, act func()) (out []string) {
	t.Helper()
	head, err := w.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	act()
	entries, err := w.AuditEvents(t.Context(), authority.AuditQuery{After: head.Seq})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, strings.TrimSpace(fmt.Sprint(e.Action, " ", e.Outcome, " ", e.AgentID, " ", e.Target)))
	}
	return out
}

// A token has the scopes of the agent and of its roles, of those that are asked
// for, and none of the management API, whatever a role says.
func TestRole_scopes(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{Scopes: &[]string{"own", "both"}})
	bot.Scopes = []string{"own", "both", "reads", "writes", "internal_agent_mgt_view", "*", "alien"}
	granted := func() string { return o.in(t, bot).Scope }
	if got := granted(); got != "own both" {
		t.Errorf("without a role: %q", got)
	}
	reader := o.role(t, "reader", []string{"reads", "both"}, bot.ID)
	writer := o.role(t, "writer", []string{"writes"}, bot.ID)
	if got := granted(); got != "own both reads writes" {
		t.Errorf("with two roles: %q", got)
	}
	o.changeRole(t, writer, authority.RoleChange{Scopes: &[]string{}})
	if got := granted(); got != "own both reads" {
		t.Errorf("after the permission was taken from the role: %q", got)
	}
	if err := o.DeleteRole(t.Context(), admin, reader); err != nil {
		t.Fatal(err)
	}
	if got := granted(); got != "own both" {
		t.Errorf("after the role was deleted: %q", got)
	}
	lax, err := authority.New(authority.Config{Store: o.store, Now: o.clock.Now, Rules: authority.Rules{AnyPermission: true}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lax.CreateRole(t.Context(), admin, authority.NewRole{Name: "all", Scopes: []string{"internal_agent_mgt_view", "*"}, Members: []string{bot.ID}}); err != nil {
		t.Fatal(err)
	}
	if got := granted(); got != "own both" {
		t.Errorf("with a role of the management API: %q", got)
	}
}

// What is refused says why, changes nothing, and is entered.
func TestRole_refusals(t *testing.T) {
	w := newWorld(t, 2)
	bot, ctx := w.agent(t), t.Context()
	id := w.role(t, "reader", []string{"read"}, bot)
	w.role(t, "taken", nil)
	create := func(n authority.NewRole) error { _, err := w.CreateRole(ctx, admin, n); return err }
	change := func(c ...authority.RoleChange) error { _, err := w.ChangeRole(ctx, admin, id, c); return err }
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("s", i)
	}
	for name, tt := range map[string]struct {
		err  error
		want authority.Kind
		says string
	}{
		"no name":            {create(authority.NewRole{}), authority.Invalid, "displayName"},
		"a name twice":       {create(authority.NewRole{Name: "reader"}), authority.Exists, "reader already exists"},
		"a bad scope":        {create(authority.NewRole{Name: "x", Scopes: []string{"a b"}}), authority.Invalid, "no scope"},
		"a management scope": {create(authority.NewRole{Name: "x", Scopes: []string{"internal_x"}}), authority.Invalid, "internal_x"},
		"everything":         {create(authority.NewRole{Name: "x", Scopes: []string{"*"}}), authority.Invalid, "never get"},
		"too many scopes":    {create(authority.NewRole{Name: "x", Scopes: many}), authority.Invalid, "100"},
		"an unknown member":  {create(authority.NewRole{Name: "x", Members: []string{idOne}}), authority.Invalid, idOne},
		"renamed to a used":  {change(authority.RoleChange{Name: new("taken")}), authority.Exists, "taken"},
		"given a management": {change(authority.RoleChange{MoreScopes: []string{"internal_x"}}), authority.Invalid, "internal_x"},
		"one good, one not":  {change(authority.RoleChange{Remove: []string{bot}}, authority.RoleChange{Add: []string{idOne}}), authority.Invalid, idOne},
		"deleted, not there": {w.DeleteRole(ctx, admin, idOne), authority.NoRole, idOne},
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, tt.err, tt.want)
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.says) {
				t.Errorf("it says %v, want %q in it", tt.err, tt.says)
			}
		})
	}
	after, err := w.Role(ctx, id)
	if err != nil || after.Name != "reader" || !slices.Equal(after.Scopes, []string{"read"}) || len(after.Members) != 1 || w.get(t, bot).Epoch != 0 {
		t.Errorf("the role is %+v, %v", after, err)
	}
	if page, err := w.Roles(ctx, authority.RoleQuery{}); err != nil || page.Total != 2 {
		t.Errorf("%d roles, %v", page.Total, err)
	}
	left := w.entered(t, func() { _ = change(authority.RoleChange{Add: []string{idOne}}) })
	if want := []string{"role.assign refused " + idOne + " " + id}; !slices.Equal(left, want) {
		t.Errorf("a refusal leaves %q, want %q", left, want)
	}
}

// An agent has at most 100 roles.
func TestRole_limit(t *testing.T) {
	w := newWorld(t, 2)
	bot := w.agent(t)
	for n := range 100 {
		w.role(t, fmt.Sprint("role ", n), nil, bot)
	}
	_, err := w.CreateRole(t.Context(), admin, authority.NewRole{Name: "one more", Members: []string{bot}})
	wantKind(t, err, authority.Limit)
	if got := w.get(t, bot).Roles; len(got) != 100 || got[0].Name != "role 0" {
		t.Errorf("%d roles, the first %+v", len(got), got[0])
	}
}

// Each act leaves an entry for each agent that it was done to, in the same
// transaction; what changes nothing leaves none.
func TestRole_trail(t *testing.T) {
	w := newWorld(t, 2)
	a, b, ctx := w.agent(t), w.agent(t), t.Context()
	var id string
	for _, tt := range []struct {
		name string
		act  func()
		want []string // ID stands for the role's
	}{
		{"create", func() { id = w.role(t, "reader", []string{"read"}, a) }, []string{"role.create done  ID", "role.assign done " + a + " ID"}},
		{"assign", func() { w.changeRole(t, id, authority.RoleChange{Add: []string{a, b}}) }, []string{"role.assign done " + b + " ID"}},
		{"again", func() {
			w.changeRole(t, id, authority.RoleChange{Add: []string{a, b}, Name: new("reader"), Scopes: &[]string{"read"}})
		}, nil},
		{"rename", func() { w.changeRole(t, id, authority.RoleChange{Name: new("viewer")}) }, []string{"role.update done  ID"}},
		{"unassign", func() { w.changeRole(t, id, authority.RoleChange{Remove: []string{b}}) }, []string{"role.unassign done " + b + " ID"}},
		{"who is not in it", func() { w.changeRole(t, id, authority.RoleChange{Remove: []string{b, idOne}}) }, nil},
		{"replace", func() { w.changeRole(t, id, authority.RoleChange{Members: &[]string{b}}) }, []string{"role.unassign done " + a + " ID", "role.assign done " + b + " ID"}},
		{"both", func() {
			w.changeRole(t, id, authority.RoleChange{Add: []string{a}}, authority.RoleChange{Name: new("x")})
		},
			[]string{"role.update done  ID", "role.assign done " + a + " ID"}},
		{"delete", func() { _ = w.DeleteRole(ctx, admin, id) }, []string{"role.delete done  ID", "role.unassign done " + a + " ID", "role.unassign done " + b + " ID"}},
	} {
		left := w.entered(t, tt.act)
		for i := range tt.want {
			tt.want[i] = strings.ReplaceAll(tt.want[i], "ID", id)
		}
		if diff := cmp.Diff(tt.want, left); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	entries, err := w.AuditEvents(ctx, authority.AuditQuery{Action: string(audit.RoleUpdate)})
	if err != nil || len(entries) != 2 || entries[0].Detail["changed"] != "Name" || entries[0].Detail["name"] != "viewer" {
		t.Errorf("%+v, %v", entries, err)
	}
}

// A deleted agent is in no role, and a page of agents tells the roles of each.
func TestRole_members(t *testing.T) {
	w := newWorld(t, 2)
	a, b, ctx := w.agent(t), w.agent(t), t.Context()
	id := w.role(t, "reader", []string{"read"}, a, b)
	page, err := w.Agents(ctx, authority.Query{Query: store.Query{Limit: 9}})
	if err != nil || len(page.Agents) != 2 || len(page.Agents[0].Roles) != 1 || page.Agents[1].Roles[0].Name != "reader" {
		t.Errorf("the page is %+v, %v", page, err)
	}
	if err := w.DeleteAgent(ctx, admin, a, ""); err != nil {
		t.Fatal(err)
	}
	if got := w.membersOf(t, id); !slices.Equal(got, []string{b}) {
		t.Errorf("members %v, want %s", got, b)
	}
	if all, err := w.Roles(ctx, authority.RoleQuery{Query: store.Query{Limit: 9}, Members: true}); err != nil || len(all.Roles[0].Members) != 1 {
		t.Errorf("Roles = %+v, %v", all, err)
	}
}
