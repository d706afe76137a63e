//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Line is a way to the database of its own, which can be cut. It ends with the
// test.
type Line struct {
	server *Server
	l      net.Listener

	mu    sync.Mutex
	open  chan struct{} // closed while something gets through
	cut   bool
	conns map[net.Conn]struct{}
}

// Line makes one.
func (s *Server) Line(t testing.TB) *Line {
	t.Helper()
	at, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{server: s, l: at, open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(l.open)
	t.Cleanup(func() {
		_ = at.Close()
		l.Mend()
		l.Cut()
	})
	go l.accept()
	return l
}

// URL is that of the database by this line.
func (l *Line) URL(schema string) string {
	return l.server.url(url.URL{User: url.UserPassword("postgres", Password), Host: l.l.Addr().String()}, schema)
}

// Cut ends all connections and takes no new ones.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
}

// Stall lets nothing through, either way, and no connection end: as a network
// that loses everything, or a database that stands still.
func (l *Line) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
		l.open = make(chan struct{})
	default:
	}
}

// Mend makes the line good. What was on its way arrives.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

func (l *Line) accept() {
	for {
		near, err := l.l.Accept()
		if err != nil {
			return
		}
		go l.carry(near)
	}
}

// carry carries one connection.
func (l *Line) carry(near net.Conn) {
	far, err := new(net.Dialer).DialContext(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", l.server.port))
	if err != nil {
		_ = near.Close()
		return
	}
	if l.keep(near, far) {
		go l.copy(far, near)
		l.copy(near, far)
	}
}

func (l *Line) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		if l.cut {
			_ = c.Close()
			continue
		}
		l.conns[c] = struct{}{}
	}
	return !l.cut
}

// copy carries one direction. When it ends, both do.
func (l *Line) copy(to, from net.Conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, to)
		_ = to.Close()
		_ = from.Close()
	}()
	_, _ = io.Copy(gate{l, to}, from)
}

// gate is an end of the line at which all waits while it is stalled.
type gate struct {
	l *Line
	io.Writer
}

func (g gate) Write(p []byte) (int, error) {
	g.l.mu.Lock()
	open := g.l.open
	g.l.mu.Unlock()
	<-open
	return g.Writer.Write(p)
}
