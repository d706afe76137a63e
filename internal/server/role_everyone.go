package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// nameOfEveryone is what the role is called that WSO2 makes with a tenant.
const nameOfEveryone = "everyone"

// everyone is the role of a profile that every agent has, and that nobody gives,
// takes away or changes. It is the first of all, has no permissions, and lists
// nobody: whoever is there has it. No store knows of it.
func (c *call) everyone() (r authority.Role, has bool) {
	if !c.profile.everyone {
		return r, false
	}
	r.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(nameOfEveryone+" "+c.authority.StoreID())).String()
	r.Name = nameOfEveryone
	return r, true
}

// isEveryone reports whether the request is about that role.
func (c *call) isEveryone() (authority.Role, bool) {
	r, has := c.everyone()
	return r, has && c.PathValue("roleId") == r.ID
}

// roles are a page of those in the store, with everyone before them.
func (c *call) roles(q authority.RoleQuery) (authority.RolePage, error) {
	all, has := c.everyone()
	if !has || slices.ContainsFunc(q.Where, func(cond authority.Condition) bool { return !meets(cond, valueOf(all, cond.Field)) }) {
		return c.authority.Roles(c.Context(), q)
	}
	first := q.Offset == 0
	if first {
		q.Limit--
	} else {
		q.Offset--
	}
	page, err := c.authority.Roles(c.Context(), q)
	if first {
		page.Roles = slices.Insert(page.Roles, 0, all)
	}
	page.Total++
	return page, err
}

// valueOf is what a condition looks at.
func valueOf(r authority.Role, field authority.Field) string {
	if field == authority.FieldID {
		return r.ID
	}
	return r.Name
}

// keepsEveryone refuses what would change the role, or make another of its name.
func (c *call) keepsEveryone(does string, steps ...authority.RoleChange) error {
	if r, is := c.isEveryone(); is {
		return &api.Error{Status: http.StatusForbidden, Code: api.CodeForbidden,
			Message: "Invalid operation. Role: " + r.Name + " Cannot be " + does + "."}
	}
	r, has := c.everyone()
	for _, s := range steps {
		if has && s.Name != nil && strings.EqualFold(*s.Name, r.Name) {
			return &api.Error{Status: http.StatusConflict, Code: api.CodeUsedName, ScimType: api.TypeUniqueness,
				Message: "Role with name: " + r.Name + " already exists in the system."}
		}
	}
	return nil
}
