package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func (p Program) role() *cobra.Command {
	return group("role", "Make, list, change and delete roles, which give scopes to agents",
		p.roleCreate(), p.roleList(), p.roleUpdate(), p.roleDelete())
}

func (p Program) roleCreate() *cobra.Command {
	var at target
	var roleName string
	var scopes []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "create --name NAME --scope SCOPE",
		Short: "Make a role and print its id",
		Long: `Make a role: scopes that the tokens of its agents can have. Its id is printed.
agentcreds_agent_role gives it to an agent. Scopes of the management API are
none that a role can have.`,
		Example: `  terraform-provider-agentcreds role create --name reader --scope tickets:read --scope tickets:list
  terraform-provider-agentcreds role create --endpoint https://agents.example.com --name reader --scope tickets:read`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if roleName == "" {
				return usage(errors.New("--name is needed"))
			}
			b, err := at.openRoles(c, p.Getenv, api.ScopeRoleCreate, true)
			if err != nil {
				return err
			}
			made, err := b.create(c.Context(), roleName, scopes)
			if err := errors.Join(err, b.close()); err != nil {
				return hintRole(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), made)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), made.ID)
			return err
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&roleName, "name", "", "`name` for people; no two roles have the same")
	f.StringSliceVar(&scopes, "scope", nil, "`scope` that its agents have; more than once for more")
	f.BoolVar(&asJSON, "json", false, "print it as JSON")
	at.flags(c, p.Getenv)
	return c
}

func (p Program) roleList() *cobra.Command {
	var at target
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the roles",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := at.openRoles(c, p.Getenv, api.ScopeRoleView, false)
			if err != nil {
				return err
			}
			list, err := b.list(c.Context())
			if err := errors.Join(err, b.close()); err != nil {
				return hintRole(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			rows := [][]string{{"ID", "NAME", "AGENTS", "SCOPES"}}
			for _, r := range list {
				rows = append(rows, []string{r.ID, r.Name, fmt.Sprint(len(r.Agents)), strings.Join(r.Scopes, " ")})
			}
			return printTable(c.OutOrStdout(), rows)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print them as JSON, with the ids of their agents")
	at.flags(c, p.Getenv)
	return c
}

func (p Program) roleUpdate() *cobra.Command {
	var at target
	var roleName string
	var scopes []string
	c := &cobra.Command{
		Use:   "update ID",
		Short: "Give a role another name, or other scopes",
		Long: `Give a role another name, or other scopes in the place of those that it has:
--scope "" leaves it none. Where that takes a scope away, every token of its
agents ends. Who has the role stays.`,
		Args: oneID,
		RunE: func(c *cobra.Command, args []string) error {
			var to roleChange
			if c.Flags().Changed("name") {
				to.name = &roleName
			}
			if c.Flags().Changed("scope") {
				scopes = slices.DeleteFunc(scopes, func(s string) bool { return s == "" })
				to.scopes = &scopes
			}
			if to == (roleChange{}) {
				return usage(errors.New("nothing to change: --name or --scope is needed"))
			}
			b, err := at.openRoles(c, p.Getenv, api.ScopeRoleUpdate, false)
			if err != nil {
				return err
			}
			return hintRole(errors.Join(b.change(c.Context(), args[0], to), b.close()))
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&roleName, "name", "", "`name` for people; no two roles have the same")
	f.StringSliceVar(&scopes, "scope", nil, "`scope` that its agents have; more than once for more")
	at.flags(c, p.Getenv)
	return c
}

func (p Program) roleDelete() *cobra.Command {
	var at target
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a role; its agents lose its scopes, and every token, at once",
		Args:  oneID,
		RunE: func(c *cobra.Command, args []string) error {
			b, err := at.openRoles(c, p.Getenv, api.ScopeRoleDelete, false)
			if err != nil {
				return err
			}
			return hintRole(errors.Join(b.remove(c.Context(), args[0]), b.close()))
		},
	}
	at.flags(c, p.Getenv)
	return c
}
