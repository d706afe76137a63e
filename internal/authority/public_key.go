package authority

import (
	"context"
	"encoding/json"
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
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) (err error) {
		again, err = a.put(tx, keyShelf, adding{add, n.Rotation, p, sameKey}, ev)
		if err != nil || again {
			return err
		}
		ev.Detail["alg"], ev.Detail["thumbprint"] = add.Alg, add.Thumbprint
		if add.Source != "" {
			ev.Detail["jwks_uri"] = add.Source
		}
		return nil
	}, a.readPublicKey(n.AgentID, add.ID, &out))
	if err != nil {
		return PublicKey{}, err
	}
	out.Again = again
	return out, nil
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
