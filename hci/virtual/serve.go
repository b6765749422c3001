package virtual

import (
	"errors"
	"fmt"
	"io"
	"net"
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
	if err := <-sent; err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return received
}

func send(conn net.Conn, h *Host) error {
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
func receive(conn net.Conn, h *Host) error {
	var buffer [5 + 0xFFFF]byte
	for {
		if _, err := io.ReadFull(conn, buffer[:1]); err != nil {
			return ended(err)
		}
		header, ok := headerLength(buffer[0])
		if !ok {
			return fmt.Errorf("virtual: expected an H4 packet type of 1, 2, 3 or 5, came 0x%02x, connect anew", buffer[0])
		}
		if _, err := io.ReadFull(conn, buffer[1:1+header]); err != nil {
			return ended(err)
		}
		end := 1 + header + bodyLength(buffer[:1+header])
		if _, err := io.ReadFull(conn, buffer[1+header:end]); err != nil {
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

// headerLength is the number of octets between the packet type and the body.
func headerLength(packetType byte) (int, bool) {
	switch packetType {
	case packetCommand, packetSCO:
		return 3, true
	case packetACL, packetISO:
		return 4, true
	default:
		return 0, false
	}
}

// bodyLength reads the length in a header that is whole.
func bodyLength(packet []byte) int {
	switch packet[0] {
	case packetCommand, packetSCO:
		return int(packet[3])
	case packetISO:
		return (int(packet[3]) | int(packet[4])<<8) & 0x3FFF
	default:
		return int(packet[3]) | int(packet[4])<<8
	}
}
