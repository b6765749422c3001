// Package broker is a small MQTT broker inside the process: for the demo, which
// must work on a machine that has nothing but Go, and for tests. It forgets all
// when it is closed.
//
//	mosquitto_pub, mosquitto_sub ─▶ 127.0.0.1:1883 ◀─ bridge/mqtt
//
// The library under it is no longer maintained: this package
// keeps it from the rest, and the service proper never starts it.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// ErrPortTaken is wrapped by the error of Start when another program listens on
// the address.
var ErrPortTaken = errors.New("the port is taken by another program")

// maxPacket bounds what one client can make the broker hold at a time.
const maxPacket = 4 << 20

// Broker is a running broker.
type Broker struct {
	addr  net.Addr
	dial  func() (net.Conn, error)
	close func() error
}

// Start listens on a TCP address such as "127.0.0.1:1883" and serves anybody who
// connects; port 0 takes a free one. When the port is taken the error wraps
// [ErrPortTaken] and says what to do.
func Start(addr string) (*Broker, error) {
	listener, err := net.Listen("tcp", addr)
	if portTaken(err) {
		return nil, fmt.Errorf("broker: cannot listen on %s: %w (a Mosquitto perhaps): "+
			"stop that program, or use it as the broker with --mqtt.url mqtt://%s", addr, ErrPortTaken, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("broker: cannot listen on %s: %w", addr, err)
	}
	dial := func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }
	return serve(listener, dial, nil)
}

// StartMemory makes a broker without network, reached by Dial only. It works
// inside a testing/synctest bubble. users maps names to passwords; if it is
// empty everybody is let in.
func StartMemory(users map[string]string) (*Broker, error) {
	listener := newMemory()
	return serve(listener, listener.dial, users)
}

// serve runs the broker on a listener that it then owns.
func serve(listener net.Listener, dial func() (net.Conn, error), users map[string]string) (*Broker, error) {
	capabilities := mochi.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = maxPacket
	server := mochi.New(&mochi.Options{
		Capabilities: capabilities,
		// It logs every client that goes away as a warning; who connects and why
		// not is told by the session at the other end.
		Logger: slog.New(slog.DiscardHandler),
	})
	var err error
	if len(users) == 0 {
		err = server.AddHook(new(auth.AllowHook), nil)
	} else {
		err = server.AddHook(new(auth.Hook), &auth.Options{Ledger: ledger(users)})
	}
	err = errors.Join(err, server.AddListener(listeners.NewNet("main", listener)))
	if err == nil {
		err = server.Serve()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("broker: cannot start: %w", err), listener.Close())
	}
	// The library panics when it is closed twice.
	return &Broker{addr: listener.Addr(), dial: dial, close: sync.OnceValue(server.Close)}, nil
}

// ledger accepts each user with the right password.
func ledger(users map[string]string) *auth.Ledger {
	l := &auth.Ledger{Users: make(auth.Users, len(users))}
	for name, password := range users {
		l.Users[name] = auth.UserRule{Username: auth.RString(name), Password: auth.RString(password)}
	}
	return l
}

// portTaken knows the two numbers of "address in use": Windows has its own
// beside the one of POSIX, and package syscall does not equate them.
func portTaken(err error) bool {
	const wsaeaddrinuse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeaddrinuse)
}

// Addr is the address that the broker listens on, with the actual port.
func (b *Broker) Addr() string { return b.addr.String() }

// Dial opens a connection to the broker.
func (b *Broker) Dial() (net.Conn, error) {
	conn, err := b.dial()
	if err != nil {
		return nil, fmt.Errorf("broker: cannot connect: %w", err)
	}
	return conn, nil
}

// Close disconnects all clients and waits until they are gone. Calling it again
// does nothing.
func (b *Broker) Close() error {
	if err := b.close(); err != nil {
		return fmt.Errorf("broker: closing: %w", err)
	}
	return nil
}
