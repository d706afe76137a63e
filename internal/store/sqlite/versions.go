package sqlite

import (
	"hash/maphash"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// versions count changes, so that what was read once need not be read again while
// nothing has changed it. Those of this handle are counted when they are made,
// each for its agent; of another handle or process it is known only that it has
// committed something (PRAGMA data_version), which may have changed everything.
// Only whoever leads, or runs for the leader, touches them.
type versions struct {
	all  uint64
	each [1024]uint64 // by the hash of the id: a change of one may look like one of another
	seed maphash.Seed
}

func newVersions() *versions { return &versions{all: 1, seed: maphash.MakeSeed()} }

func (v *versions) own(id string) *uint64 {
	return &v.each[maphash.String(v.seed, id)%uint64(len(v.each))]
}

var _ store.Versioned = (*tx)(nil)

// Version tells of an agent or a management client.
func (t *tx) Version(id string) store.Version {
	if t.group == nil {
		return store.Version{}
	}
	v := t.group.versions
	return store.Version{All: v.all, Own: *v.own(id)}
}

// look is the first read of a group of updates. While no other connection has
// committed, all that this one knows is still so.
func (s *Store) look(g *group) error {
	version, err := g.c.number("PRAGMA data_version")
	if err != nil {
		return err
	}
	if known := g.c.known; known.version != 0 && known.version == version {
		g.head = known.head
		return s.unmoved()
	}
	s.versions.all++
	if err := s.check(g.c); err != nil {
		return err
	}
	if g.head, err = g.c.head(); err != nil {
		return err
	}
	g.c.known = known{version, g.head}
	return nil
}

// undone is told that writes were taken back: they may have been looked at, and
// be remembered under the versions of now.
func (v *versions) undone() { v.all++ }
