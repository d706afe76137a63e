package cli

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// arriving bounds how many bytes there may be of requests that were not
	// answered yet. It takes two to four times as much memory.
	arriving = 4 << 20
	// unread is how long an answer may wait for its reader before its
	// connection counts as silent.
	unread = 5 * time.Second
)

// connections bounds how many there are, and how much they hold in memory. When
// it is too much, one goes that is silent: idle, or with a request that does not
// arrive, or with an answer that nobody reads. It is one of the address that has
// the most, so that a crowd at one address takes nothing from others. A request
// that has arrived is not cut off; only when all connections have one, a new
// connection is refused.
type connections struct {
	limit int

	mu    sync.Mutex
	hosts map[netip.Prefix]*host
	count int   // of all connections
	held  int64 // bytes of requests, of all connections
	tick  int64 // grows with everything that happens
}

// host is an address with its connections. Of IPv6 it is a /64: who has one
// address there has them all.
type host struct {
	conns   map[*connection]bool
	held    int64
	running int // requests that have arrived
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, hosts: map[netip.Prefix]*host{}}
}

// listen is the listener whose connections are bounded.
func (c *connections) listen(l net.Listener) net.Listener { return bounded{l, c} }

type bounded struct {
	net.Listener
	conns *connections
}

func (b bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if known := b.conns.add(conn); known != nil {
			return known, nil
		}
		_ = conn.Close()
	}
}

// add takes one more connection in; nil when there is no room for it.
func (c *connections) add(conn net.Conn) *connection {
	from := hostOf(conn.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count >= c.limit && !c.makeRoom() {
		return nil
	}
	h := c.hosts[from]
	if h == nil {
		h = &host{conns: map[*connection]bool{}}
		c.hosts[from] = h
	}
	c.tick++
	added := &connection{Conn: conn, all: c, from: from, since: c.tick}
	h.conns[added] = true
	c.count++
	return added
}

// hostOf is what counts as one address.
func hostOf(addr net.Addr) netip.Prefix {
	parsed, _ := netip.ParseAddrPort(addr.String())
	ip, bits := parsed.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // of what is no address: the same for all
	return prefix
}

// makeRoom ends the connection that has been silent for longest, of the host
// that has most connections. It reports whether there was one.
func (c *connections) makeRoom() bool {
	var victim *connection
	most := 0
	for _, h := range c.hosts {
		if len(h.conns) < most {
			continue
		}
		found := h.first(func(a, b *connection) bool { return a.since < b.since })
		if found != nil && (victim == nil || len(h.conns) > most || found.since < victim.since) {
			victim, most = found, len(h.conns)
		}
	}
	return c.cut(victim)
}

// first is the silent connection that comes before all others; nil when there
// is none.
func (h *host) first(before func(a, b *connection) bool) (found *connection) {
	now := time.Now()
	for conn := range h.conns {
		if conn.silent(now) && (found == nil || before(conn, found)) {
			found = conn
		}
	}
	return found
}

// cut ends a connection, if there is one, without a last word of TLS, which
// could take long.
func (c *connections) cut(conn *connection) bool {
	if conn == nil {
		return false
	}
	c.remove(conn)
	_ = conn.Conn.Close()
	return true
}

// remove forgets a connection, if it is known.
func (c *connections) remove(conn *connection) {
	h := c.hosts[conn.from]
	if h == nil || !h.conns[conn] {
		return
	}
	c.hold(conn, -conn.held)
	h.running -= conn.running
	delete(h.conns, conn)
	c.count--
	if len(h.conns) == 0 {
		delete(c.hosts, conn.from)
	}
}

// hold enters bytes of a connection that is known.
func (c *connections) hold(conn *connection, bytes int64) {
	conn.held += bytes
	c.held += bytes
	c.hosts[conn.from].held += bytes
}

// received enters bytes that have arrived. When there are too many, and more
// than its share of one host, that host loses what holds most of them.
func (c *connections) received(conn *connection, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[conn.from]
	if h == nil || !h.conns[conn] {
		return
	}
	c.hold(conn, int64(bytes))
	for c.held > arriving && h.held > arriving/int64(len(c.hosts)) {
		if !c.cut(h.first(func(a, b *connection) bool { return a.held > b.held })) {
			return
		}
	}
}

// handler keeps connections from being cut off once their request has arrived.
// One host may have half of them at work: what is left is for others.
func (c *connections) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connectionKey{}).(*connection)
		if c.crowded(conn) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"temporarily_unavailable","error_description":"too many requests of one address at once"}`+"\n")
			return
		}
		arrived := sync.OnceFunc(func() { c.busy(conn, 1) })
		if r.Body == nil || r.Body == http.NoBody {
			arrived()
		} else {
			r.Body = &body{r.Body, arrived}
		}
		defer c.busy(conn, -1)
		defer arrived() // for a body that nobody wanted
		next.ServeHTTP(w, r)
	})
}

// crowded reports whether the host of a connection has too much at work.
func (c *connections) crowded(conn *connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[conn.from]
	return h != nil && h.running >= max(1, c.limit/2)
}

// busy counts the requests of a connection that are under way.
func (c *connections) busy(conn *connection, more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[conn.from]
	if h == nil || !h.conns[conn] {
		return
	}
	c.tick++
	conn.running, conn.since = conn.running+more, c.tick
	h.running += more
	if conn.running == 0 {
		c.hold(conn, -conn.held)
	}
}
