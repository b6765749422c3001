package connection

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Sender is the way to the peer, such as a controller.Pipe.
type Sender interface {
	Send(ctx context.Context, pdu []byte) error
	TrySend(pdu []byte) bool
}

// Config is what a Connection needs.
type Config struct {
	Role   packet.Role // of this side
	Sender Sender
	MTU    int // longest payload of the Attribute Protocol that is taken, in octets
	// Update is told of parameters that the peripheral asked for and that were
	// accepted; for the central, which has to bring them about. It must not
	// block.
	Update func(packet.ConnectionParameters)
}

// queued is how many PDUs of the Attribute Protocol can wait to be read.
const queued = 64

// Connection is one LE connection. Receive is called by one goroutine, the other
// methods by any.
type Connection struct {
	cfg      Config
	assembly assembly
	incoming chan []byte

	ending sync.Once
	done   chan struct{}
	ctx    context.Context // ends with done
	cancel context.CancelFunc
	err    error // why; to be read after done
}

// New makes a connection of one that a controller has made.
func New(cfg Config) *Connection {
	c := &Connection{cfg: cfg, incoming: make(chan []byte, queued), done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.assembly.limit = cfg.MTU
	return c
}

// Close ends the connection for its users; the first cause counts. The
// controller is told by whoever waits for Done.
func (c *Connection) Close(cause error) {
	c.ending.Do(func() {
		c.err = cause
		close(c.done)
		c.cancel()
	})
}

// Done is closed when the connection has ended or is to be ended.
func (c *Connection) Done() <-chan struct{} { return c.done }

// Err is why, after Done.
func (c *Connection) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Read waits for the next PDU of the Attribute Protocol. What came before the
// end is read before the error is returned.
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

// Write sends a PDU of the Attribute Protocol. It waits for room.
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

// TryWrite is Write for who must not wait. A PDU for which there is no room is
// dropped.
func (c *Connection) TryWrite(pdu []byte) bool {
	return c.Err() == nil && c.cfg.Sender.TrySend(frame(ChannelATT, pdu...))
}

func (c *Connection) closed() error { return fmt.Errorf("connection: closed: %w", c.err) }

// frame puts the header before a payload.
func frame(channel Channel, payload ...byte) []byte {
	pdu := make([]byte, 0, headerLen+len(payload))
	pdu = binary.LittleEndian.AppendUint16(pdu, uint16(len(payload)))
	pdu = binary.LittleEndian.AppendUint16(pdu, uint16(channel))
	return append(pdu, payload...)
}

// Receive takes ACL data of this connection. It does not block. A peer that
// breaks the rules ends the connection.
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
			c.Close(fmt.Errorf("connection: %d PDUs wait already: %w", queued, ErrFlood))
		}
	case channel == ChannelSignalling:
		c.signalling(payload)
	case channel == ChannelSMP:
		c.pairing(payload)
	}
}
