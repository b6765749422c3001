package connection

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Sender sends L2CAP PDUs to the peer. A controller.Pipe is one.
type Sender interface {
	Send(ctx context.Context, pdu []byte) error
	TrySend(pdu []byte) bool
}

// Config configures a Connection.
type Config struct {
	Role   packet.Role // role of this side
	Sender Sender
	MTU    int // longest payload of the Attribute Protocol that is accepted, in octets
	// Update is called with the connection parameters that the peripheral
	// requested and that were accepted. The central has to apply them. It must
	// not block.
	Update func(packet.ConnectionParameters)
}

// queued is how many PDUs of the Attribute Protocol can wait to be read.
const queued = 64

// Connection is one LE connection. One goroutine calls Receive; any goroutine
// may call the other methods.
type Connection struct {
	cfg      Config
	assembly assembly
	incoming chan []byte

	ending sync.Once
	done   chan struct{}
	ctx    context.Context // canceled together with done
	cancel context.CancelFunc
	err    error // the cause; read it only after done
}

// New makes a Connection on a connection that the controller has established.
func New(cfg Config) *Connection {
	c := &Connection{cfg: cfg, incoming: make(chan []byte, queued), done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.assembly.limit = cfg.MTU
	return c
}

// Close ends the connection. The first cause counts. Whoever waits for Done
// disconnects it at the controller.
func (c *Connection) Close(cause error) {
	c.ending.Do(func() {
		c.err = cause
		close(c.done)
		c.cancel()
	})
}

// Done is closed when the connection has ended or has to end.
func (c *Connection) Done() <-chan struct{} { return c.done }

// Err returns the cause, after Done.
func (c *Connection) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Read waits for the next PDU of the Attribute Protocol. PDUs that arrived
// before the end are returned before the error.
func (c *Connection) Read() ([]byte, error) {
	select {
	case p := <-c.incoming:
		return p, nil
	default:
	}
	select {
	case p := <-c.incoming:
		return p, nil
	case <-c.done:
		return nil, c.closed()
	}
}

// Write sends a PDU of the Attribute Protocol. It waits for room in the queue.
func (c *Connection) Write(pdu []byte) error {
	if c.Err() != nil {
		return c.closed()
	}
	if err := c.cfg.Sender.Send(c.ctx, frame(ChannelATT, pdu...)); err != nil {
		if c.Err() != nil {
			return c.closed()
		}
		return fmt.Errorf("connection: %w", err)
	}
	return nil
}

// TryWrite is Write for callers that must not wait. If there is no room, the
// PDU is dropped.
func (c *Connection) TryWrite(pdu []byte) bool {
	return c.Err() == nil && c.cfg.Sender.TrySend(frame(ChannelATT, pdu...))
}

func (c *Connection) closed() error { return fmt.Errorf("connection: closed: %w", c.err) }

// frame puts the header in front of a payload.
func frame(channel Channel, payload ...byte) []byte {
	pdu := make([]byte, 0, headerLen+len(payload))
	pdu = binary.LittleEndian.AppendUint16(pdu, uint16(len(payload)))
	pdu = binary.LittleEndian.AppendUint16(pdu, uint16(channel))
	return append(pdu, payload...)
}

// Receive takes ACL data of this connection. It does not block. A peer that
// violates the protocol is disconnected.
func (c *Connection) Receive(a packet.ACL) {
	if c.Err() != nil {
		return
	}
	channel, payload, whole, err := c.assembly.add(a)
	switch {
	case err != nil:
		c.Close(err)
	case !whole:
	case channel == ChannelATT:
		select {
		case c.incoming <- payload:
		default:
			c.Close(fmt.Errorf("connection: expected at most %d PDUs that wait to be read, got more: %w", queued, ErrFlood))
		}
	case channel == ChannelSignalling:
		c.signalling(payload)
	case channel == ChannelSMP:
		c.pairing(payload)
	}
}
