package authority

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// PublicKey is a public key of an agent as it stands, for private_key_jwt.
type PublicKey struct {
	store.Credential
	Status Status
	Latest bool // the newest of its agent, live or not
	Again  bool // AddPublicKey found that it was there already
}

// NewPublicKey asks for a public key. Exactly one of the four forms is set.
type NewPublicKey struct {
	Rotation
	ID  string // kid; "": that of the JWK, or the thumbprint (RFC 7638)
	Alg string // what the key is bound to; "": that of the JWK, or the default of its kind

	PEM            string          // PUBLIC KEY or RSA PUBLIC KEY
	JWK            json.RawMessage // RFC 7517
	CertificatePEM string          // whose key is taken, and nothing else of it
	Source         string          // jwks_uri: a JWK Set that is fetched when the agent logs in
}

// read reads the key that is asked for. What is wrong with it is told by name.
func (n NewPublicKey) read() (store.Credential, error) {
	forms := 0
	for _, given := range []bool{n.PEM != "", len(n.JWK) > 0, n.CertificatePEM != "", n.Source != ""} {
		if given {
			forms++
		}
	}
	if forms != 1 {
		return store.Credential{}, refuse(Invalid, "A key comes as exactly one of publicKeyPem, jwk, certificatePem and jwksUri, not %d.", forms)
	}
	out := store.Credential{AgentID: n.AgentID, Kind: store.KeyKind, ID: n.ID, Alg: n.Alg, Source: n.Source, Expires: n.Expires}
	if n.Source != "" {
		err := n.readSource(&out)
		return out, err
	}
	var k keys.JWK
	var err error
	switch {
	case n.PEM != "":
		k.Public, err = keys.FromPEM([]byte(n.PEM))
	case n.CertificatePEM != "":
		var c keys.Certificate
		c, err = keys.FromCertificatePEM([]byte(n.CertificatePEM))
		k.Public = c.Public
	default:
		k, err = keys.FromJWK(n.JWK)
	}
	if err != nil {
		return out, refuse(Weak, "The public key is refused: %v.", err)
	}
	if out.Alg == "" {
		out.Alg = k.Alg
	}
	if k.Alg != "" && k.Alg != out.Alg {
		return out, refuse(Invalid, "The JWK is for %s, and alg says %.20q.", k.Alg, n.Alg)
	}
	if out.Alg, err = k.Public.Alg(out.Alg); err != nil {
		return out, refuse(Invalid, "The key cannot be used: %v.", err)
	}
	out.Public, out.Thumbprint = string(k.JWK()), k.Thumbprint()
	if out.ID == "" {
		out.ID = k.ID
	}
	if out.ID == "" {
		out.ID = out.Thumbprint
	}
	return out, checkKid(out.ID)
}

func checkKid(id string) error {
	if err := keys.CheckID(id); err != nil {
		return refuse(Invalid, "A kid %v.", err)
	}
	return nil
}

// readSource checks a jwks_uri. Where it leads is looked at when it is fetched.
func (n NewPublicKey) readSource(out *store.Credential) error {
	if err := keys.CheckSource(n.Source); err != nil {
		return refuse(Invalid, "The jwksUri %v.", err)
	}
	if n.Alg != "" {
		return refuse(Invalid, "alg does not go with jwksUri: each key of the set has its own.")
	}
	out.Thumbprint = keys.SourceID(n.Source)
	if out.ID == "" {
		out.ID = out.Thumbprint
	}
	return checkKid(out.ID)
}

// AddPublicKey adds a public key to an agent; it retires and revokes only what
// it is told to. It is idempotent as AddSecret is: the same key under the same
// kid again changes nothing.
func (a *Authority) AddPublicKey(ctx context.Context, p Principal, n NewPublicKey) (PublicKey, error) {
	base := audit.Event{Actor: p.Name, Action: audit.PublicKeyCreate, AgentID: n.AgentID, Target: n.ID}
	add, err := n.read()
	if err != nil {
		return PublicKey{}, a.refused(ctx, base, err)
	}
	base.Target = add.ID
	var out PublicKey
	var again bool
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		again = false
		agent, err := tx.Agent(n.AgentID)
		if err != nil {
			return noAgent(err, n.AgentID)
		}
		switch before, err := tx.Credential(n.AgentID, store.KeyKind, add.ID); {
		case err == nil:
			again = true
			return a.claim(tx, agent, claimed{before, n.Claim, p, ev}, sameKey(before, add))
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := neverHad(tx, add); err != nil {
			return err
		}
		if err := a.makeRoom(tx, keyShelf, agent, n.Rotation, ev); err != nil {
			return err
		}
		ev.Detail["alg"], ev.Detail["thumbprint"] = add.Alg, add.Thumbprint
		if add.Source != "" {
			ev.Detail["jwks_uri"] = add.Source
		}
		return a.addCredential(tx, agent, add, p)
	}, a.readPublicKey(n.AgentID, add.ID, &out))
	if err != nil {
		return PublicKey{}, err
	}
	out.Again = again
	return out, nil
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

// sameKey ends a repeated request: well when it is the same, else with UsedID.
func sameKey(before, add store.Credential) error {
	switch {
	case !before.Revoked.IsZero():
		return refuse(UsedID, "The kid %s was revoked; ids are not used twice.", before.ID)
	case before.Thumbprint != add.Thumbprint || before.Alg != add.Alg:
		return refuse(UsedID, "The kid %s is that of another key, or of another algorithm.", before.ID)
	}
	return errUnchanged
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

// PublicKeys lists what there is of an agent's keys, newest first: the live ones
// and the latest dead ones.
func (a *Authority) PublicKeys(ctx context.Context, agentID string) ([]PublicKey, error) {
	agent, err := a.Agent(ctx, agentID)
	return agent.Keys, err
}

// judgeKeys tells the status of keys that are newest first.
func judgeKeys(found []store.Credential, now time.Time) (out []PublicKey) {
	for i, c := range found {
		out = append(out, PublicKey{Credential: c, Status: lifeOf(c).status(now), Latest: i == 0})
	}
	return out
}

// PublicKey returns one key, however long it has been dead.
func (a *Authority) PublicKey(ctx context.Context, agentID, id string) (out PublicKey, err error) {
	err = a.store.View(ctx, a.readPublicKey(agentID, id, &out))
	return out, err
}

// readPublicKey reads a key into out.
func (a *Authority) readPublicKey(agentID, id string, out *PublicKey) func(store.Reader) error {
	return func(r store.Reader) error {
		now := a.Now()
		c, latest, err := keyShelf.credential(r, agentID, id, now)
		if err == nil {
			*out = PublicKey{Credential: c, Status: lifeOf(c).status(now), Latest: latest}
		}
		return err
	}
}

// ExpirePublicKey moves the expiry of a live key, as ExpireSecret does.
func (a *Authority) ExpirePublicKey(ctx context.Context, p Principal, agentID, id string, expires int64) (PublicKey, error) {
	var out PublicKey
	base := audit.Event{Actor: p.Name, AgentID: agentID, Target: id}
	if err := a.move(ctx, keyShelf, base, expires, a.readPublicKey(agentID, id, &out)); err != nil {
		return PublicKey{}, err
	}
	return out, nil
}

// RevokePublicKey ends a key at once, and every token that was made with it, as
// RevokeSecret does.
func (a *Authority) RevokePublicKey(ctx context.Context, p Principal, agentID, id string, latest *string) error {
	return a.withdraw(ctx, keyShelf, audit.Event{Actor: p.Name, AgentID: agentID, Target: id}, latest)
}
