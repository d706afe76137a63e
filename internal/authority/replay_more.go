package authority

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// again does what came with a new credential: others were retired, or ended. The
// new one itself is not known here. Whatever the agent gets next is newer.
func (sh shelf) again(w *replay, e audit.Entry) error {
	agent, err := w.agent(e)
	if err != nil {
		return err
	}
	for name, value := range e.Detail {
		kind, id, _ := strings.Cut(name, ":")
		switch kind {
		case "revoked":
			err = sh.alter(w, e.AgentID, id, func(l *life) { l.revoked = e.Time })
		case "retired":
			err = sh.retireAgain(w, e.AgentID, id, value)
		}
		if err != nil {
			return err
		}
	}
	agent.LastSecret = max(e.Time.UnixMilli(), agent.LastSecret+1)
	if err := w.tx.SetAgent(agent); err != nil {
		return err
	}
	return refuse(Invalid, "the agent got a new %s after the backup, which is gone: rotate it (terraform plan shows it)", sh.word)
}

func (sh shelf) retireAgain(w *replay, agentID, id, until string) error {
	end, err := time.Parse(time.RFC3339, until)
	if err != nil {
		return fmt.Errorf("read until when the %s %s of agent %s lives: %w", sh.word, id, agentID, err)
	}
	return sh.alter(w, agentID, id, func(l *life) {
		if !l.retiring {
			l.retiring, l.ends = true, l.expires
		}
		l.expires = end.Unix()
	})
}

// alter changes one that is here and not revoked.
func (sh shelf) alter(w *replay, agentID, id string, change func(*life)) error {
	l, err := sh.read(w.tx, agentID, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !l.revoked.IsZero() {
		return nil
	}
	if err != nil {
		return err
	}
	change(&l)
	w.did = true
	return sh.set(w.tx, agentID, l)
}

// endAgain revokes one; what came after the backup is gone anyway.
func (sh shelf) endAgain(w *replay, e audit.Entry) error {
	if _, err := sh.read(w.tx, e.AgentID, e.Target); err != nil {
		return ifThere(err)
	}
	return sh.alter(w, e.AgentID, e.Target, func(l *life) { l.revoked = e.Time })
}

// moveAgain moves an expiry.
func (sh shelf) moveAgain(w *replay, e audit.Entry) error {
	if _, err := sh.read(w.tx, e.AgentID, e.Target); err != nil {
		return ifThere(err)
	}
	end := int64(0)
	if text := e.Detail["expires"]; text != "never" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("read the expiry in entry %d: %w", e.Seq, err)
		}
		end = at.Unix()
	}
	return sh.alter(w, e.AgentID, e.Target, func(l *life) { l.expires = end })
}

// role takes away what a role has lost. What it got is not given.
func (w *replay) role(e audit.Entry) error {
	role, err := w.tx.Role(e.Target)
	if err := ifThere(err); err != nil {
		return err
	}
	has := strings.Fields(e.Detail["scopes"])
	role.Scopes = slices.DeleteFunc(role.Scopes, func(s string) bool { return !slices.Contains(has, s) })
	if err := w.tx.SetRole(role); err != nil {
		return err
	}
	w.did = true
	if len(role.Scopes) < len(has) || role.Name != e.Detail["name"] {
		return refuse(Invalid, "the role became %q with the scopes %q after the backup, and has the name %q and the scopes %q now: give it what it should have",
			e.Detail["name"], e.Detail["scopes"], role.Name, strings.Join(role.Scopes, " "))
	}
	return nil
}

func (w *replay) roleGone(e audit.Entry) error { return ifThere(w.tx.RemoveRole(e.Target)) }

func (w *replay) unassign(e audit.Entry) error {
	return ifThere(w.tx.RemoveMember(e.Target, e.AgentID))
}

// client ends what a management client had of the kinds that were rotated: what it
// got instead is gone.
func (w *replay) client(e audit.Entry) error {
	c, err := w.tx.Client(e.Target)
	if err := ifThere(err); err != nil {
		return err
	}
	ends := strings.Fields(e.Detail["ends"])
	ended := func(word, detail string) bool { return slices.Contains(ends, word) || e.Detail[detail] != "" }
	rotation := ClientRotation{
		EndSecrets: ended("secrets", "secret"), EndKeys: ended("keys", string(store.KeyKind)),
		EndCertificates: ended("certificates", string(store.CertificateKind)),
	}
	rotation.end(&c, w.a.Now())
	if err := w.tx.SetClient(c); err != nil {
		return err
	}
	w.did = true
	return refuse(Invalid, "what the management client %s signs in with was rotated after the backup, and the new is gone: client rotate %s", c.Name, c.ID)
}

func (w *replay) clientGone(e audit.Entry) error { return ifThere(w.tx.RemoveClient(e.Target)) }
