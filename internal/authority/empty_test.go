package authority_test

import (
	"errors"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Before there is a store, reads find nothing, changes are refused as those of
// something unknown, and only a create says that there is no store.
func TestEmpty(t *testing.T) {
	a, err := authority.Empty(authority.Config{MaxSecrets: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if a.StoreID() != "" || a.MaxSecrets() != 3 {
		t.Errorf("store %q, %d secrets", a.StoreID(), a.MaxSecrets())
	}
	q := authority.Query{Along: authority.Along{Secrets: true}}
	q.Limit = 10
	if page, err := a.Agents(ctx, q); err != nil || page.Total != 0 || len(page.Agents) != 0 {
		t.Errorf("Agents = %v, %v", page, err)
	}
	_, err = a.Agent(ctx, idOne)
	wantKind(t, err, authority.NoAgent)
	_, err = a.ChangeAgent(ctx, admin, idOne, authority.AgentChange{Owner: new("x")})
	wantKind(t, err, authority.NoAgent)
	_, err = a.RevokeAgent(ctx, admin, idOne)
	wantKind(t, err, authority.NoAgent)
	wantKind(t, a.DeleteAgent(ctx, admin, idOne, ""), authority.NoAgent)
	_, _, err = a.AddSecret(ctx, admin, authority.NewSecret{AgentID: idOne})
	wantKind(t, err, authority.NoAgent)
	wantKind(t, a.RevokeSecret(ctx, admin, idOne, idTwo, nil), authority.NoAgent)
	_, err = a.Secret(ctx, idOne, idTwo)
	wantKind(t, err, authority.NoAgent)
	if _, _, err = a.CreateAgent(ctx, admin, authority.NewAgent{}); !errors.Is(err, authority.ErrNoStore) {
		t.Errorf("CreateAgent = %v, want ErrNoStore", err)
	}
}
