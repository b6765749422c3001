package broker

import (
	"net"
	"sync"
	"syscall"
)

// chunks is how many writes a memory connection holds before it blocks.
const chunks = 4096

// memory is a listener whose connections are pipes. Unlike sockets, pipes let a
// synctest bubble know that all its goroutines wait.
type memory struct {
	pending chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func newMemory() *memory {
	return &memory{pending: make(chan net.Conn), closed: make(chan struct{})}
}

// dial makes a connection; after Close it is refused like by a real machine.
func (m *memory) dial() (net.Conn, error) {
	client, near := net.Pipe()
	far, server := net.Pipe()
	select {
	case m.pending <- server:
		go relay(near, far)
		go relay(far, near)
		return client, nil
	case <-m.closed:
		for _, end := range []net.Conn{client, near, far, server} {
			_ = end.Close() // a pipe's Close has no error
		}
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: m.Addr(), Err: syscall.ECONNREFUSED}
	}
}

// relay carries octets one way until either end is closed. It holds some of
// them: both libraries answer what they read from the goroutine that reads, and
// over a bare pipe, which holds nothing, they would wait for each other.
func relay(from, to net.Conn) {
	held := make(chan []byte, chunks)
	go func() {
		defer close(held)
		for {
			buffer := make([]byte, 4096)
			n, err := from.Read(buffer)
			if n > 0 {
				held <- buffer[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	for chunk := range held {
		if _, err := to.Write(chunk); err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
	for range held {
		// What is left has nowhere to go; the reader ends when it is taken.
	}
}

// Accept waits for the next dial.
func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.pending:
		return conn, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses further connections; those that exist stay.
func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

// Addr is a fixed name.
func (m *memory) Addr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }
