package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// connection is one that is counted.
type connection struct {
	net.Conn
	all  *connections
	from netip.Prefix

	// Guarded by all.mu.
	running int       // requests under way
	since   int64     // the tick of the last one, or of the beginning
	held    int64     // bytes that have come since the last answer
	writing time.Time // since when a write runs; zero when none does
}

// silent reports whether the connection may be cut off.
func (c *connection) silent(now time.Time) bool {
	return c.running == 0 || !c.writing.IsZero() && now.Sub(c.writing) > unread
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.all.received(c, n)
	}
	return n, err
}

func (c *connection) Write(p []byte) (int, error) {
	c.writes(time.Now())
	defer c.writes(time.Time{})
	return c.Conn.Write(p)
}

func (c *connection) writes(since time.Time) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.writing = since
}

// CloseWrite lets net/http end a connection so that the last answer arrives.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *connection) Close() error {
	c.all.mu.Lock()
	c.all.remove(c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// connectionKey is where a request finds its connection.
type connectionKey struct{}

// withConnection is http.Server.ConnContext.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, conn)
}

// body is one that tells when it has arrived.
type body struct {
	io.ReadCloser
	arrived func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.arrived()
	}
	return n, err
}
