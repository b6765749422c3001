package bench_test

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// chip is a virtual controller whose radio takes no time: advertising is done
// at once. The test can also report advertisements to its host.
type chip struct {
	transport.Transport
	packets chan []byte   // to the host
	sent    chan struct{} // a mesh message was passed for advertising
	closed  chan struct{}
	once    sync.Once
	pump    sync.WaitGroup
}

func newChip(inner transport.Transport) *chip {
	c := &chip{
		Transport: inner,
		packets:   make(chan []byte, 256),
		sent:      make(chan struct{}, 1024),
		closed:    make(chan struct{}),
	}
	c.pump.Go(func() {
		p := make([]byte, packet.MaxLen)
		for {
			n, err := inner.Read(p)
			if err != nil {
				c.shut()
				return
			}
			c.give(bytes.Clone(p[:n]))
		}
	})
	return c
}

func (c *chip) shut() { c.once.Do(func() { close(c.closed) }) }

// give passes a packet to the host.
func (c *chip) give(p []byte) {
	select {
	case c.packets <- p:
	case <-c.closed:
	}
}

// Read implements transport.Transport.
func (c *chip) Read(p []byte) (int, error) {
	select {
	case packet := <-c.packets:
		return copy(p, packet), nil
	case <-c.closed:
		return 0, transport.ErrClosed
	}
}

// Write implements transport.Transport.
//
//	| 01 | opcode 2 | length 1 | parameters |
func (c *chip) Write(p []byte) error {
	const (
		head        = 4
		limitStatus = 0x43
	)
	switch packet.Opcode(binary.LittleEndian.Uint16(p[1:])) {
	case packet.OpLESetExtendedAdvertisingEnable:
		if p[head] == 0 {
			break
		}
		handle, events := p[head+2], p[head+5]
		c.give([]byte{0x04, 0x0E, 4, 1, p[1], p[2], 0})
		c.give([]byte{0x04, 0x3E, 6, byte(packet.SubeventAdvertisingSetTerminated), limitStatus, handle, 0, 0, events})
		return nil
	case packet.OpLESetExtendedAdvertisingData:
		// handle, operation, fragments, length, then length and type of the
		// first AD structure
		if bearer.Kind(p[head+5]) == bearer.Message {
			c.sent <- struct{}{}
		}
	}
	return c.Transport.Write(p)
}

// Close implements transport.Transport.
func (c *chip) Close() error {
	c.shut()
	err := c.Transport.Close()
	c.pump.Wait()
	return err
}

// advertisement is the event of an LE Extended Advertising Report with one
// legacy PDU, as a controller sends it (Core, volume 4 part E, 7.7.65.13).
func advertisement(kind bearer.Kind, pdu []byte) []byte {
	var b bytes.Buffer
	b.Write([]byte{0x04, 0x3E, byte(2 + 24 + 2 + len(pdu)), byte(packet.SubeventExtendedAdvertisingReport), 1})
	b.Write([]byte{byte(packet.ReportLegacy), 0})
	b.Write([]byte{1, 0x11, 0x22, 0x33, 0x44, 0x55, 0x36}) // random address
	b.Write([]byte{1, 0, 0xFF, 0x7F, 0xC4})                // LE 1M, no SID, no TX power, -60 dBm
	b.Write(make([]byte, 2+7))                             // no periodic advertising, not directed
	b.WriteByte(byte(2 + len(pdu)))
	b.Write([]byte{byte(1 + len(pdu)), byte(kind)})
	b.Write(pdu)
	return b.Bytes()
}
