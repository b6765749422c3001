package service

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy sits between the program and its broker, so that a test decides when
// the program reaches the broker again.
type proxy struct {
	t      *testing.T
	target string
	addr   string

	mu     sync.Mutex
	closed bool // the program cannot connect
	conns  map[net.Conn]bool
	served sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: target, addr: listener.Addr().String(), conns: map[net.Conn]bool{}}
	p.served.Go(func() { p.accept(listener) })
	t.Cleanup(func() {
		_ = listener.Close() // ends the loop
		p.shut()
		p.served.Wait()
	})
	return p
}

func (p *proxy) url() string { return "tcp://" + p.addr }

// shut ends the connections and accepts no new one.
func (p *proxy) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close() // the copying goroutine notices
	}
}

func (p *proxy) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = false
}

// redirect passes further connections to another broker.
func (p *proxy) redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.served.Go(func() { p.serve(conn) })
	}
}

func (p *proxy) serve(near net.Conn) {
	defer func() { _ = near.Close() }()
	if !p.enter(near) {
		return
	}
	defer p.leave(near)
	far, err := net.Dial("tcp", p.where())
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, far) // until one of the two is closed
		_ = near.Close()
	})
	_, _ = io.Copy(far, near)
	_ = far.Close()
	back.Wait()
}

func (p *proxy) enter(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[conn] = true
	}
	return !p.closed
}

func (p *proxy) where() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

func (p *proxy) leave(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}
