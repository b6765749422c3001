package virtual

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// Serve makes the other side of conn the controller's host: H4 packets in a
// stream, as a serial adapter has them (Core volume 4 part A). It returns when
// conn or the controller ends, with nil if the peer hung up, and closes conn.
func (c *Controller) Serve(conn net.Conn) error {
	h := c.Transport()
	sent := make(chan error, 1)
	go func() {
		sent <- send(conn, h)
		conn.Close() // ends the reading below
	}()
	received := receive(conn, h)
	h.Close() // ends send
	conn.Close()
	if err := <-sent; err != nil && !errors.Is(err, transport.ErrClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return received
}

func send(conn net.Conn, h transport.Transport) error {
	var buffer [MaxPacket]byte
	for {
		n, err := h.Read(buffer[:])
		if err != nil {
			return err
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return fmt.Errorf("virtual: sending to the host: %w", err)
		}
	}
}

// receive cuts the stream into packets. A packet type that does not exist
// means that the stream is out of step, and H4 knows no way back.
func receive(conn net.Conn, h transport.Transport) error {
	var buffer [5 + 0xFFFF]byte
	for {
		if _, err := io.ReadFull(conn, buffer[:1]); err != nil {
			return ended(err)
		}
		header := packet.Type(buffer[0]).HeaderLen()
		if header == 0 {
			return fmt.Errorf("virtual: expected an H4 packet type of 1 to 5, came 0x%02x, connect anew", buffer[0])
		}
		if _, err := io.ReadFull(conn, buffer[1:header]); err != nil {
			return ended(err)
		}
		body, err := packet.BodyLen(buffer[:header])
		if err != nil {
			return err
		}
		end := header + body
		if _, err := io.ReadFull(conn, buffer[header:end]); err != nil {
			return ended(err)
		}
		if err := h.Write(buffer[:end]); err != nil {
			return err
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return fmt.Errorf("virtual: receiving from the host: %w", err)
}
