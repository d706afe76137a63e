package storetest_test

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

func (b *bad) Role(id string) (store.Role, error) {
	r, err := b.Tx.Role(id)
	if b.f.fault == "forgets a role's creator" {
		r.Creator = ""
	}
	return r, err
}

func (b *bad) Roles(q store.Query) (store.RolePage, error) {
	page, err := b.Tx.Roles(q)
	if b.f.fault == "counts the page" {
		page.Total = len(page.Roles)
	}
	return page, err
}

func (b *bad) RolesOf(agentIDs []string) (map[string][]store.Role, error) {
	all, err := b.Tx.RolesOf(agentIDs)
	for id, roles := range all {
		if b.f.fault == "one role" {
			all[id] = roles[:1]
		}
	}
	return all, err
}

func (b *bad) AddRole(r store.Role) error { return b.write(b.Tx.AddRole(r)) }

func (b *bad) RemoveRole(id string) error {
	if b.f.fault == "removes nothing" {
		return nil
	}
	return b.write(b.Tx.RemoveRole(id))
}
