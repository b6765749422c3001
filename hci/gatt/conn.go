package gatt

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-ble/ble"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/connection"
)

// conn is a connection with the interface that go-ble needs, behind the guard.
// One Read and one Write carry one PDU each.
type conn struct {
	l2cap   *connection.Connection
	peer    ble.Addr
	deliver func(value []byte) // called with the value of a notification, which then belongs to the callee
	dropped *atomic.Uint64     // PDUs that the guard dropped
	ended   chan struct{}      // closed when a Read has failed

	mu     sync.Mutex
	guard  guard
	rx, tx int
	ctx    context.Context
	over   bool
}

var _ ble.Conn = (*conn)(nil)

func newConn(l2cap *connection.Connection, g guard, peer string, deliver func([]byte), dropped *atomic.Uint64) *conn {
	return &conn{
		l2cap: l2cap, guard: g, peer: ble.NewAddr(peer), deliver: deliver, dropped: dropped,
		ended: make(chan struct{}), rx: g.mtu, tx: minMTU, ctx: context.Background(),
	}
}

// Read returns the next PDU that go-ble may see.
func (c *conn) Read(p []byte) (int, error) {
	for {
		pdu, err := c.l2cap.Read()
		if err != nil {
			return 0, c.end(err)
		}
		c.mu.Lock()
		v, reply, err := c.guard.received(pdu)
		c.mu.Unlock()
		if err == nil && v == pass && len(pdu) > len(p) {
			err = broken("expected a PDU of at most %d octets, got %d", len(p), len(pdu))
		}
		if err != nil {
			return 0, c.end(err)
		}
		switch v {
		case pass:
			return copy(p, pdu), nil
		case deliver:
			c.deliver(pdu[3:])
		case answer:
			c.l2cap.TryWrite(reply)
		default:
			c.dropped.Add(1)
		}
	}
}

// end closes the connection; go-ble's reads end.
func (c *conn) end(err error) error {
	c.l2cap.Close(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over = true
		close(c.ended)
	}
	return err
}

// Write sends a PDU of go-ble. It waits for room. After a request nothing is
// read meanwhile, so that go-ble is waiting when the response arrives.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	err := c.guard.sent(p)
	waiting := c.guard.pending != 0
	if waiting {
		defer c.mu.Unlock()
	} else {
		c.mu.Unlock()
	}
	if err == nil {
		err = c.l2cap.Write(p)
	}
	if err != nil {
		if waiting {
			c.guard.pending = 0
		}
		c.l2cap.Close(err)
		return 0, err
	}
	return len(p), nil
}

// Close ends the connection.
func (c *conn) Close() error {
	c.l2cap.Close(fmt.Errorf("gatt: %w", ErrUnsubscribed))
	return nil
}

// subscribe passes the notifications of a handle on to the link.
func (c *conn) subscribe(handle uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guard.dataOut = handle
}

// subscribed reports whether the client has subscribed to notifications.
func (c *conn) subscribed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.guard.subscribed
}

// The rest of ble.Conn. go-ble reads from several goroutines what it sets.

func (c *conn) Context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ctx
}

func (c *conn) SetContext(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx = ctx
}

func (c *conn) LocalAddr() ble.Addr  { return ble.NewAddr("") }
func (c *conn) RemoteAddr() ble.Addr { return c.peer }

func (c *conn) RxMTU() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rx
}

func (c *conn) SetRxMTU(mtu int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rx = mtu
}

func (c *conn) TxMTU() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tx
}

func (c *conn) SetTxMTU(mtu int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tx = mtu
}

// ReadRSSI is not used.
func (c *conn) ReadRSSI() int { return 0 }

func (c *conn) Disconnected() <-chan struct{} { return c.l2cap.Done() }
