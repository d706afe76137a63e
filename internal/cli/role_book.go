package cli

import (
	"context"
	"errors"
	"math"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// roleBook is the list of roles, wherever it is.
type roleBook struct {
	create func(ctx context.Context, name string, scopes []string) (listedRole, error)
	list   func(context.Context) ([]listedRole, error)
	change func(ctx context.Context, id string, to roleChange) error
	remove func(ctx context.Context, id string) error
	close  func() error
}

// roleChange is what to change in a role; nil leaves it as it is.
type roleChange struct {
	name   *string
	scopes *[]string
}

// listedRole is a line of role list --json.
type listedRole struct {
	ID     string   `json:"role_id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Agents []string `json:"agents"` // ids
}

// openRoles gives the roles. On a server the command needs one scope. makes is
// whether it makes a database where there is none.
func (t *target) openRoles(c *cobra.Command, getenv func(string) string, scope string, makes bool) (*roleBook, error) {
	remote, err := t.remote(c)
	if err != nil {
		return nil, err
	}
	if remote {
		served, err := t.dial(getenv, scope)
		if err != nil {
			return nil, err
		}
		return servedRoles(served), nil
	}
	rules, who, done, err := t.open(c.Context(), makes)
	if err != nil {
		return nil, err
	}
	return ownRoles(rules, who, done), nil
}

// ownRoles are those of a database.
func ownRoles(rules *authority.Authority, who authority.Principal, done func() error) *roleBook {
	return &roleBook{
		create: func(ctx context.Context, name string, scopes []string) (listedRole, error) {
			r, err := rules.CreateRole(ctx, who, authority.NewRole{Name: name, Scopes: scopes})
			return listRole(r), err
		},
		list: func(ctx context.Context) ([]listedRole, error) {
			q := authority.RoleQuery{Members: true}
			q.Limit = math.MaxInt32
			page, err := rules.Roles(ctx, q)
			out := make([]listedRole, len(page.Roles))
			for i, r := range page.Roles {
				out[i] = listRole(r)
			}
			return out, err
		},
		change: func(ctx context.Context, id string, to roleChange) error {
			_, err := rules.ChangeRole(ctx, who, id, []authority.RoleChange{{Name: to.name, Scopes: to.scopes}})
			return err
		},
		remove: func(ctx context.Context, id string) error { return rules.DeleteRole(ctx, who, id) },
		close:  done,
	}
}

// servedRoles are those behind the API of a server.
func servedRoles(served *client.Client) *roleBook {
	return &roleBook{
		create: func(ctx context.Context, name string, scopes []string) (listedRole, error) {
			r, err := served.CreateRole(ctx, api.RoleResource{DisplayName: name, Permissions: api.References(scopes)})
			r.Permissions = api.References(scopes) // which the answer leaves out
			return listServedRole(r), err
		},
		list: func(ctx context.Context) ([]listedRole, error) {
			roles, err := served.Roles(ctx)
			out := make([]listedRole, len(roles))
			for i, r := range roles {
				out[i] = listServedRole(r)
			}
			return out, err
		},
		change: func(ctx context.Context, id string, to roleChange) error {
			var ops []api.Operation
			if to.name != nil {
				ops = append(ops, api.Replace("displayName", *to.name))
			}
			if to.scopes != nil {
				ops = append(ops, api.Replace("permissions", api.References(*to.scopes)))
			}
			return served.PatchRole(ctx, id, ops)
		},
		remove: served.DeleteRole,
		close:  func() error { return nil },
	}
}

func listRole(r authority.Role) listedRole {
	out := listedRole{ID: r.ID, Name: r.Name, Scopes: append([]string{}, r.Scopes...), Agents: []string{}}
	for _, m := range r.Members {
		out.Agents = append(out.Agents, m.AgentID)
	}
	return out
}

func listServedRole(r api.RoleResource) listedRole {
	out := listedRole{ID: r.ID, Name: r.DisplayName, Scopes: []string{}, Agents: []string{}}
	for _, p := range r.Permissions {
		out.Scopes = append(out.Scopes, p.Value)
	}
	for _, u := range r.Users {
		out.Agents = append(out.Agents, u.Value)
	}
	return out
}

// hintRole says what to do about an error, whichever of the two it is of.
func hintRole(err error) error {
	refusal, ok := errors.AsType[*authority.Error](err)
	told := err
	if ok {
		told = sentence(err)
	}
	switch {
	case ok && refusal.Kind == authority.NoRole, errors.Is(err, api.ErrNotFound):
		return hint(told, "role list shows their ids; or is --endpoint not the url of a server that has roles?")
	case ok && refusal.Kind == authority.Exists, errors.Is(err, api.ErrExists):
		return hint(told, "choose another --name; role update changes the one that is there")
	case errors.Is(err, client.ErrAmbiguous):
		return hint(told, "role list shows what became of it")
	case errors.Is(err, api.ErrForbidden), errors.Is(err, api.ErrUnauthorized), errors.Is(err, api.ErrInvalidScope):
		return hint(told, "client create --scope-set roles makes a client that may")
	}
	return told
}
