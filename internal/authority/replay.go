package authority

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Replayed is what one entry of the audit of a lost store came to.
type Replayed struct {
	Entry audit.Entry
	Done  bool   // something was taken away here, too
	Open  string // what nobody here can do, for people; "" for nothing
}

// replay does again, in a store that came from a backup, what was taken away in
// the lost one after it: secrets, keys, certificates, roles, agents and clients.
// What was given there is not known here, and only told.
type replay struct {
	a    *Authority
	tx   store.Tx
	by   string // who accepts
	all  []Replayed
	acts []audit.Event
	did  bool // of the present entry: something was changed for it
	// before is how agents were that the replay itself has blocked.
	before map[string]store.Agent
}

// Replays reports whether an entry of a lost store is of interest: most are logins.
func Replays(e audit.Entry) bool { return e.Outcome == audit.Done && replays[e.Action] != nil }

// replays is what is done about each action. An error that is a refusal is what
// stays open, for people.
var replays = map[audit.Action]func(*replay, audit.Entry) error{
	audit.AgentCreate: lost("it was made after the backup and is gone: Terraform makes it anew"),
	audit.AgentUpdate: (*replay).changed, audit.AgentBlock: (*replay).block, audit.AgentUnblock: (*replay).unblock,
	audit.AgentRevoke: (*replay).revoke, audit.AgentReinstate: (*replay).unblock, audit.AgentDelete: (*replay).remove,

	audit.SecretCreate: secretShelf.again, audit.SecretReset: (*replay).reset,
	audit.SecretExpire: secretShelf.moveAgain, audit.SecretRevoke: secretShelf.endAgain,
	audit.PublicKeyCreate: keyShelf.again, audit.PublicKeyExpire: keyShelf.moveAgain, audit.PublicKeyRevoke: keyShelf.endAgain,
	audit.CertificateCreate: certificateShelf.again, audit.CertificateExpire: certificateShelf.moveAgain, audit.CertificateRevoke: certificateShelf.endAgain,

	audit.RoleCreate: lost("the role was made after the backup and is gone: make it anew"),
	audit.RoleUpdate: (*replay).role, audit.RoleDelete: (*replay).roleGone,
	audit.RoleAssign: lost("the agent got the role after the backup and does not have it now"), audit.RoleUnassign: (*replay).unassign,

	audit.ClientCreate: lost("the management client was made after the backup and is gone: make it anew"),
	audit.ClientRotate: (*replay).client, audit.ClientDelete: (*replay).clientGone,

	audit.KeyRevoke: (*replay).key,
	audit.CACreate:  lost("the CA was made after the backup and is gone: certificates that it signed do not count here, and it cannot revoke them"),
}

// lost is for what was given after the backup.
func lost(what string) func(*replay, audit.Entry) error {
	return func(*replay, audit.Entry) error { return refuse(Invalid, "%s", what) }
}

// one does one entry again.
func (w *replay) one(e audit.Entry) error {
	w.did = false
	err := replays[e.Action](w, e)
	open, refused := asError(err)
	switch {
	case errors.Is(err, errUnchanged):
		return nil
	case err != nil && !refused:
		return fmt.Errorf("replay entry %d of the audit of the lost server: %w", e.Seq, err)
	}
	r := Replayed{Entry: e, Done: err == nil || w.did}
	if refused {
		r.Open = open.Message
		w.supersede(e)
	}
	w.all = append(w.all, r)
	if r.Done {
		w.acts = append(w.acts, audit.Event{Actor: w.by, Action: e.Action, AgentID: e.AgentID, Target: e.Target, Detail: map[string]string{
			"replayed": strconv.FormatInt(e.Seq, 10), "at": e.Time.Format(time.RFC3339), "by": e.Actor,
		}})
	}
	return nil
}

// supersede forgets that the same was open before: a secret that was rotated twice
// is lost once.
func (w *replay) supersede(e audit.Entry) {
	for i, r := range w.all {
		if r.Entry.Action == e.Action && r.Entry.AgentID == e.AgentID && (e.AgentID != "" && e.Action != audit.RoleAssign || r.Entry.Target == e.Target) {
			w.all[i].Open = ""
		}
	}
}

// agent reads the agent of an entry. One that is not here needs nothing.
func (w *replay) agent(e audit.Entry) (store.Agent, error) {
	agent, err := w.tx.Agent(e.AgentID)
	return agent, ifThere(err)
}

func ifThere(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errUnchanged
	}
	return err
}

// granting are the fields of an agent that say what it may.
var granting = []string{"Scopes", "Audiences", "AuthMethods", "ExternalID", "OwnerToken"}

func (w *replay) changed(e audit.Entry) error {
	if _, err := w.agent(e); err != nil {
		return err
	}
	fields := strings.FieldsSeq(e.Detail["changed"])
	for f := range fields {
		if slices.Contains(granting, f) {
			return refuse(Invalid, "its %s changed after the backup, to what is not in the audit: compare it with the configuration (terraform plan)", f)
		}
	}
	return errUnchanged
}

func (w *replay) block(e audit.Entry) error {
	agent, err := w.agent(e)
	if err != nil {
		return err
	}
	w.remember(agent)
	fields := strings.Fields(e.Detail["changed"])
	agent.Inactive = agent.Inactive || slices.Contains(fields, "Inactive")
	agent.Locked = agent.Locked || !slices.Contains(fields, "Inactive") || slices.Contains(fields, "Locked")
	return w.tx.SetAgent(agent)
}

func (w *replay) remember(agent store.Agent) {
	if _, ok := w.before[agent.ID]; !ok {
		w.before[agent.ID] = agent
	}
}

// unblock lifts what the replay itself has put on the agent. What it had in the
// backup stays.
func (w *replay) unblock(e audit.Entry) error {
	agent, err := w.agent(e)
	if err != nil {
		return err
	}
	if before, ok := w.before[e.AgentID]; ok {
		agent.Inactive, agent.Locked, agent.RevokedAt = before.Inactive, before.Locked, before.RevokedAt
		if err := w.tx.SetAgent(agent); err != nil {
			return err
		}
	}
	if w.a.Blocked(agent) {
		return refuse(Invalid, "it was let in again after the backup, and is still blocked here, as it was in the backup: unblock or reinstate it")
	}
	return nil
}

func (w *replay) revoke(e audit.Entry) error {
	agent, err := w.agent(e)
	if err != nil {
		return err
	}
	w.remember(agent)
	agent.RevokedAt = e.Time
	if err := w.endAll(e, shelves...); err != nil {
		return err
	}
	return w.tx.SetAgent(agent)
}

// endAll revokes what the agent has: all of it was there when the entry was written.
func (w *replay) endAll(e audit.Entry, from ...shelf) error {
	ev := audit.Event{Detail: map[string]string{}}
	for _, sh := range from {
		if err := sh.endAll(w.tx, e.AgentID, e.Time, &ev); err != nil {
			return err
		}
	}
	return nil
}

func (w *replay) remove(e audit.Entry) error {
	for i := range w.all { // nobody needs to care for it any more
		if w.all[i].Entry.AgentID == e.AgentID {
			w.all[i].Open = ""
		}
	}
	if _, err := w.agent(e); err != nil {
		return err
	}
	if err := w.endAll(e, certificateShelf); err != nil {
		return err
	}
	return w.tx.RemoveAgent(e.AgentID)
}

// reset ends all secrets; the one that was set is not known.
func (w *replay) reset(e audit.Entry) error {
	if _, err := w.agent(e); err != nil {
		return err
	}
	if err := w.endAll(e, secretShelf); err != nil {
		return err
	}
	return secretShelf.again(w, e)
}

// key withdraws a signing key.
func (w *replay) key(e audit.Entry) error {
	all, err := w.tx.SigningKeys()
	for _, k := range all {
		if k.ID == e.Target && k.Revoked.IsZero() {
			k.Revoked, k.Sealed = e.Time, []byte{}
			return w.tx.SetSigningKey(k)
		}
	}
	if err != nil {
		return err
	}
	return errUnchanged
}
