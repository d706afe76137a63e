package sqlite

import (
	"hash/maphash"

	driver "modernc.org/sqlite"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// versions count changes, so that what was read once need not be read again while
// nothing has changed it. Those of this handle are counted when they are made,
// each for its agent; of another handle or process it is known only that it has
// committed something (see conn.version), which may have changed everything.
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

// known is what a connection that writes knows of the database when no
// transaction is open: for as long as its version is the one of now. Its zero
// value knows nothing.
type known struct {
	version uint32
	head    audit.Entry // of the chain
}

// version changes with every commit of this connection, and when a transaction
// begins that finds commits of others (SQLITE_FCNTL_DATA_VERSION). PRAGMA
// data_version tells as much, and costs as much as an entry of the audit.
func (c *conn) version() (version uint32, err error) {
	err = c.c.Raw(func(c any) error {
		version, err = c.(driver.FileControl).FileControlDataVersion("main") //nolint:errcheck,forcetypeassert // the driver's connections have it
		return err
	})
	return version, err
}

// know keeps in mind what the transaction that has ended left as the head.
func (c *conn) know(head audit.Entry) {
	c.known = known{}
	if version, err := c.version(); err == nil { // else it is read again
		c.known = known{version, head}
	}
}

// look is the first read of a group of updates. While no other connection has
// committed, all that this one knows is still so.
func (s *Store) look(g *group) error {
	version, err := g.c.version()
	if err != nil {
		return err
	}
	if known := g.c.known; known.head.Seq != 0 && known.version == version {
		g.head = known.head
		return s.unmoved()
	}
	s.versions.all++
	if err := s.check(g.c); err != nil {
		return err
	}
	g.head, err = g.c.head()
	return err
}

// undone is told that writes were taken back: they may have been looked at, and
// be remembered under the versions of now.
func (v *versions) undone() { v.all++ }
