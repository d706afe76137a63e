package authority

import (
	"errors"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// adding is a key or a certificate on its way to an agent.
type adding struct {
	store.Credential
	rotation Rotation
	by       Principal
	same     func(before, add store.Credential) error // ends a repeated request
}

// put gives an agent a key or a certificate, unless it has one with that id: then
// again is true, and the error is how the repeated request ends. The event gets
// what became of others; what is new in it the caller adds.
func (a *Authority) put(tx store.Tx, sh shelf, n adding, ev *audit.Event) (again bool, err error) {
	agent, err := tx.Agent(n.AgentID)
	if err != nil {
		return false, noAgent(err, n.AgentID)
	}
	switch before, err := tx.Credential(n.AgentID, n.Kind, n.ID); {
	case err == nil:
		return true, a.claim(tx, agent, claimed{before, n.rotation.Claim, n.by, ev}, n.same(before, n.Credential))
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	if n.CA == "" { // what our CA has signed now is new
		if err := neverHad(tx, n.Credential); err != nil {
			return false, err
		}
	}
	if err := a.makeRoom(tx, sh, agent, n.rotation, ev); err != nil {
		return false, err
	}
	return false, a.addCredential(tx, agent, n.Credential, n.by)
}

// addCredential writes a new one and moves the agent's clock of credentials.
func (a *Authority) addCredential(tx store.Tx, agent store.Agent, add store.Credential, p Principal) error {
	add.Creator = p.Name
	add.Created = max(a.Now().UnixMilli(), agent.LastSecret+1)
	agent.LastSecret = add.Created
	if err := tx.AddCredential(add); err != nil {
		return err
	}
	if err := enlist(tx, add, add); err != nil {
		return err
	}
	return tx.SetAgent(agent)
}

// claimed is a credential that a request found there already.
type claimed struct {
	store.Credential
	wanted bool
	by     Principal
	event  *audit.Event
}

// claim ends a repeated request, of which same says whether it asks for what is
// there. See Rotation.Claim.
func (a *Authority) claim(tx store.Tx, agent store.Agent, c claimed, same error) error {
	if !errors.Is(same, errUnchanged) || !c.wanted || lifeOf(c.Credential).status(a.Now()) != StatusActive {
		return same
	}
	c.event.Detail["claimed"] = "true"
	c.Creator, c.Created = c.by.Name, max(a.Now().UnixMilli(), agent.LastSecret+1)
	agent.LastSecret = c.Created
	if err := tx.SetCredential(c.Credential); err != nil {
		return err
	}
	return tx.SetAgent(agent)
}

// everShown is more than an agent ever had of credentials.
const everShown = 10_000

// neverHad refuses a key or a certificate that the agent has or had under another
// id: nothing brings back what expired or was revoked, and what is revoked is
// live under no other name.
func neverHad(tx store.Tx, add store.Credential) error {
	sameAs := func(c store.Credential) string { return c.Thumbprint }
	if add.Kind == store.CertificateKind {
		sameAs = func(c store.Credential) string { return c.Fingerprint }
	}
	if sameAs(add) == "" {
		return nil
	}
	found, err := tx.Credentials([]string{add.AgentID}, add.Kind, 0, everShown)
	for _, c := range found[add.AgentID] {
		if sameAs(c) == sameAs(add) {
			return refuse(UsedID, "Agent %s has, or had, this %s under the id %s; none is used twice.", add.AgentID, add.Kind, c.ID)
		}
	}
	return err
}
