package virtual

import (
	"errors"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// Serve makes the other side of conn, such as a net.Conn, the controller's
// host: H4 packets in a stream, as the tcp: and unix: adapters and serial ones
// have them (Core volume 4 part A). It takes conn over and returns when the conversation ends:
// nil if the peer hung up or another host took the controller, otherwise what
// went wrong. A stream that is out of step is such an end, for H4 knows no way
// back.
func (c *Controller) Serve(conn io.ReadWriteCloser) error {
	host, stream := c.Transport(), transport.NewStream(conn)
	down := make(chan error, 1)
	go func() {
		down <- relay(stream, host)
		_ = stream.Close() // ends the way up
	}()
	up := relay(host, stream)
	_ = host.Close() // ends the way down
	_ = stream.Close()
	first := <-down
	if !errors.Is(up, transport.ErrClosed) {
		first = up // the way up failed by itself, and so before
	}
	if errors.Is(first, io.EOF) || errors.Is(first, transport.ErrClosed) {
		return nil
	}
	return first
}

// relay carries packets one way until an end fails.
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
