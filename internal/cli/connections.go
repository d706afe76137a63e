package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// connections bounds how many there are. When they are too many, the one goes
// that has kept silent for longest: an idle one, or one whose request does not
// arrive. A request that has arrived is not cut off; only when all connections
// have one, a new connection is refused.
type connections struct {
	limit int

	mu   sync.Mutex
	all  map[net.Conn]*connection
	tick int64
}

type connection struct {
	busy  int   // requests under way
	since int64 // the tick of the last one, or of the beginning
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, all: map[net.Conn]*connection{}}
}

// state is http.Server.ConnState.
func (c *connections) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	var surplus net.Conn
	switch state {
	case http.StateNew:
		c.tick++
		surplus = c.surplus(conn)
		c.all[conn] = &connection{since: c.tick}
	case http.StateClosed, http.StateHijacked:
		delete(c.all, conn)
	case http.StateActive, http.StateIdle: // serve counts
	}
	c.mu.Unlock()
	switch surplus := surplus.(type) {
	case nil:
	case *tls.Conn:
		_ = surplus.NetConn().Close() // without a last word, which could take long
	default:
		_ = surplus.Close()
	}
}

// surplus is what must go before one more comes: nil while there is room.
func (c *connections) surplus(coming net.Conn) net.Conn {
	if len(c.all) < c.limit {
		return nil
	}
	victim, since := coming, int64(0)
	for conn, known := range c.all {
		if known.busy == 0 && (since == 0 || known.since < since) {
			victim, since = conn, known.since
		}
	}
	delete(c.all, victim)
	return victim
}

// connectionKey is where a request finds its connection.
type connectionKey struct{}

// context is http.Server.ConnContext.
func (c *connections) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// count keeps connections from being cut off once their request has arrived.
func (c *connections) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connectionKey{}).(net.Conn)
		arrived := sync.OnceFunc(func() { c.busy(conn, 1) })
		if r.Body == nil || r.Body == http.NoBody {
			arrived()
		} else {
			r.Body = &arriving{r.Body, arrived}
		}
		defer c.busy(conn, -1)
		defer arrived() // for a body that nobody wanted
		next.ServeHTTP(w, r)
	})
}

// arriving is a body that tells when it has arrived.
type arriving struct {
	io.ReadCloser
	arrived func()
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		a.arrived()
	}
	return n, err
}

func (c *connections) busy(conn net.Conn, more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.all[conn]; ok {
		c.tick++
		known.busy, known.since = known.busy+more, c.tick
	}
}
