package virtual

import (
	"errors"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// Serve connects the controller to a host at the other end of conn, such as a
// net.Conn, with H4 packets in a stream, as the tcp:, unix: and serial:
// adapters use them (Core, volume 4 part A). It takes ownership of conn and
// returns when the session ends: nil if the peer has closed the connection or
// another host has taken the controller, and the cause otherwise. Invalid
// framing also ends the session, because H4 cannot recover from it.
func (c *Controller) Serve(conn io.ReadWriteCloser) error {
	host, stream := c.Transport(), transport.NewStream(conn)
	down := make(chan error, 1)
	go func() {
		down <- relay(stream, host)
		_ = stream.Close() // ends the other direction
	}()
	up := relay(host, stream)
	_ = host.Close() // ends the other direction
	_ = stream.Close()
	first := <-down
	if !errors.Is(up, transport.ErrClosed) {
		first = up // up failed by itself, and therefore first
	}
	if errors.Is(first, io.EOF) || errors.Is(first, transport.ErrClosed) {
		return nil
	}
	return first
}

// relay copies packets in one direction until an end fails.
func relay(to, from transport.Transport) error {
	buffer := make([]byte, packet.MaxLen)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		if err := to.Write(buffer[:n]); err != nil {
			return err
		}
	}
}
