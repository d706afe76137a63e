package authority_test

import (
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// model is the rules once more, as short as they can be said: no store, no
// transactions, no audit. It says which refusals are right for a request, and
// what it leads to when there is none.
type model struct {
	max    int
	now    func() time.Time
	agents map[string]*modelAgent
}

type modelAgent struct {
	externalID                string
	inactive, locked, revoked bool
	epoch                     int64
	secrets                   []*modelSecret // oldest first
}

type modelSecret struct {
	id                string
	value             string // "" when the server made it
	expires           int64
	own               int64 // of a retiring one: the expiry that it had before
	retiring, revoked bool
}

func (m *model) live(s *modelSecret) bool {
	return !s.revoked && (s.expires == 0 || m.now().Unix() < s.expires)
}

func (m *model) status(s *modelSecret) authority.Status {
	switch {
	case s.revoked:
		return authority.StatusRevoked
	case !m.live(s):
		return authority.StatusExpired
	case s.retiring:
		return authority.StatusRetiring
	}
	return authority.StatusActive
}

func (a *modelAgent) blocked() bool { return a.inactive || a.locked || a.revoked }

func (a *modelAgent) find(id string) *modelSecret {
	for _, s := range a.secrets {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (a *modelAgent) latest() string {
	if len(a.secrets) == 0 {
		return ""
	}
	return a.secrets[len(a.secrets)-1].id
}

// addRefusals are all reasons to refuse the request; none when it is allowed,
// or a repetition.
func (m *model) addRefusals(n authority.NewSecret) (kinds []authority.Kind, again bool) {
	a := m.agents[n.AgentID]
	if a == nil {
		return []authority.Kind{authority.NoAgent}, false
	}
	if s := a.find(n.ID); s != nil {
		if !s.revoked && s.value != "" && s.value == n.Value.Reveal() {
			return nil, true
		}
		return []authority.Kind{authority.UsedID}, false
	}
	if a.revoked || (a.blocked() && (n.Previous != nil || n.Revoke != nil || n.Latest != nil)) {
		kinds = append(kinds, authority.Blocked)
	}
	if n.Expires != 0 && n.Expires <= m.now().Unix() {
		kinds = append(kinds, authority.Invalid)
	}
	if n.Latest != nil && *n.Latest != a.latest() {
		kinds = append(kinds, authority.Stale)
	}
	ends := map[string]bool{}
	if n.Previous != nil {
		if a.find(n.Previous.ID) == nil {
			kinds = append(kinds, authority.NoSecret)
		}
		ends[n.Previous.ID] = n.Previous.Expires <= m.now().Unix()
	}
	for _, id := range n.Revoke {
		if a.find(id) == nil {
			kinds = append(kinds, authority.NoSecret)
		}
		ends[id] = true
	}
	live := 0
	for _, s := range a.secrets {
		if m.live(s) && !ends[s.id] {
			live++
		}
	}
	if live >= m.max {
		kinds = append(kinds, authority.Limit)
	}
	return kinds, false
}

// add does what an allowed request does; id is the one that the secret got.
func (m *model) add(n authority.NewSecret, id string) {
	a := m.agents[n.AgentID]
	if n.Previous != nil {
		if s := a.find(n.Previous.ID); m.live(s) {
			if !s.retiring {
				s.own = s.expires
			}
			s.retiring = true
			if s.expires == 0 || n.Previous.Expires < s.expires {
				s.expires = n.Previous.Expires
			}
		}
	}
	for _, id := range n.Revoke {
		a.find(id).revoked = true
	}
	value := ""
	if !n.Value.IsZero() {
		value = n.Value.Reveal()
	}
	a.secrets = append(a.secrets, &modelSecret{id: id, value: value, expires: n.Expires})
}

func (m *model) revokeLive(a *modelAgent) {
	for _, s := range a.secrets {
		s.revoked = s.revoked || m.live(s)
	}
}

func (m *model) changeRefusals(id string, c authority.AgentChange) (kinds []authority.Kind) {
	a := m.agents[id]
	if a == nil {
		return []authority.Kind{authority.NoAgent}
	}
	if c.ExternalID != nil && *c.ExternalID != "" {
		for other, b := range m.agents {
			if other != id && b.externalID == *c.ExternalID {
				kinds = append(kinds, authority.Exists)
			}
		}
	}
	if a.revoked && !c.Reinstate {
		unblocks := (c.Locked != nil && !*c.Locked) || (c.Active != nil && *c.Active && a.inactive)
		if unblocks || !c.Password.IsZero() {
			kinds = append(kinds, authority.RevokedKind)
		}
	}
	return kinds
}

func (m *model) change(id string, c authority.AgentChange) {
	a := m.agents[id]
	was := a.blocked()
	if c.Reinstate {
		a.revoked = false
	}
	if c.Active != nil {
		a.inactive = !*c.Active
	}
	if c.Locked != nil && !a.revoked {
		a.locked = *c.Locked
	}
	if c.ExternalID != nil {
		a.externalID = *c.ExternalID
	}
	if a.blocked() && !was {
		a.epoch++
	}
	if !c.Password.IsZero() {
		a.epoch++
		m.revokeLive(a)
		a.secrets = append(a.secrets, &modelSecret{id: "?", value: c.Password.Reveal()})
	}
}

// pick takes one of the agent's secrets, an unknown id at times.
func (a *modelAgent) pick(n func(int) int) string {
	if a == nil || len(a.secrets) == 0 || n(12) == 0 {
		return idTwo
	}
	recent := a.secrets[max(0, len(a.secrets)-4):] // older ones are dead, mostly
	return recent[n(len(recent))].id
}

func holds(kinds []authority.Kind, err *authority.Error) bool {
	return err != nil && slices.Contains(kinds, err.Kind)
}
