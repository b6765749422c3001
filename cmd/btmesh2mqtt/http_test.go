package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// pipes is a listener for connections within a test.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// visitor is a connection to the server of a test.
type visitor struct {
	net.Conn
	in *bufio.Reader
}

func (p *pipes) dial() visitor {
	here, there := net.Pipe()
	p.conns <- there
	return visitor{here, bufio.NewReader(here)}
}

// ask sends a request and returns the status, or the error.
func (v visitor) ask(head string) string {
	_, _ = io.WriteString(v, head)
	r, err := http.ReadResponse(v.in, nil)
	if err != nil {
		return err.Error()
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return r.Status
}

// until returns how long it takes until the server closes the connection.
func (v visitor) until() time.Duration {
	began := time.Now()
	_, _ = io.Copy(io.Discard, v.in)
	return time.Since(began)
}

const request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

func onServer(t *testing.T, f func(t *testing.T, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }), zerolog.Nop())
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(p) }()
		defer func() { _ = server.Close(); <-done }()
		f(t, p)
	})
}

// TestHTTPClosesConnections closes connections on which nothing happens, or too
// slowly.
func TestHTTPClosesConnections(t *testing.T) {
	for name, test := range map[string]struct {
		visit func(v visitor)
		most  time.Duration
	}{
		"says nothing":      {func(visitor) {}, httpHeaderTime},
		"half a header":     {func(v visitor) { _, _ = io.WriteString(v, "GET / HTTP/1.1\r\nHost: ") }, httpHeaderTime},
		"body never comes":  {func(v visitor) { _, _ = io.WriteString(v, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n") }, httpReadTime + httpIdleTime},
		"idle after asking": {func(v visitor) { v.ask(request) }, httpIdleTime},
	} {
		t.Run(name, func(t *testing.T) {
			onServer(t, func(t *testing.T, p *pipes) {
				v := p.dial()
				defer func() { _ = v.Close() }()
				test.visit(v)
				if took := v.until(); took == 0 || took > test.most+time.Second {
					t.Errorf("it was closed after %s", took)
				}
			})
		})
	}
}

// TestHTTPHeaderIsBounded refuses a header without end.
func TestHTTPHeaderIsBounded(t *testing.T) {
	onServer(t, func(t *testing.T, p *pipes) {
		v := p.dial()
		defer func() { _ = v.Close() }()
		go func() { _, _ = io.WriteString(v, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 2*httpHeader)) }()
		if got := v.ask(""); !strings.HasPrefix(got, "431") {
			t.Errorf("got %s", got)
		}
	})
}

// TestHTTPConnectionsAreBounded answers a new connection although strangers hold
// many others, and closes the oldest of these.
func TestHTTPConnectionsAreBounded(t *testing.T) {
	for name, visit := range map[string]func(v visitor){
		"silent": func(visitor) {},
		"idle":   func(v visitor) { v.ask(request) },
		"slow":   func(v visitor) { _, _ = io.WriteString(v, "GET / HTTP/1.1\r\nHost: ") },
	} {
		t.Run(name, func(t *testing.T) {
			onServer(t, func(t *testing.T, p *pipes) {
				var all []visitor
				for i := range 10 * httpConnections {
					v := p.dial()
					defer func() { _ = v.Close() }()
					all = append(all, v)
					visit(v)
					synctest.Wait()
					if i%50 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
				v := p.dial()
				defer func() { _ = v.Close() }()
				if got := v.ask(request); got != "200 OK" {
					t.Errorf("got %s", got)
				}
				open := 0
				for _, v := range all {
					_ = v.SetReadDeadline(time.Now().Add(time.Microsecond))
					if _, err := v.in.ReadByte(); err != io.EOF {
						open++
					}
				}
				if open > httpConnections {
					t.Errorf("%d connections are open", open)
				}
			})
		})
	}
}
