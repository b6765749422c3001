// Package broker is a small MQTT broker inside the process: for the demo, which
// must work on a machine that has nothing but Go, and for tests. It forgets all
// when it is closed. The library under it is no longer maintained: this package
// keeps it from the rest, and the service proper never starts it.
package broker

import "net"

// Broker is a running broker.
type Broker struct{}

// Start listens on a TCP address such as "127.0.0.1:1883" and serves anybody who
// connects. The error says when the port is taken (ErrPortTaken) and what to do.
func Start(addr string) (*Broker, error) { panic("TODO") }

// StartMemory makes a broker without network, reached by Dial only. It works
// inside a testing/synctest bubble. users maps names to passwords; if it is
// empty everybody is let in.
func StartMemory(users map[string]string) (*Broker, error) { panic("TODO") }

// Addr is the address that the broker listens on, with the actual port.
func (b *Broker) Addr() string { panic("TODO") }

// Dial opens a connection to the broker.
func (b *Broker) Dial() (net.Conn, error) { panic("TODO") }

// Close disconnects all clients and waits for the broker's goroutines.
func (b *Broker) Close() error { panic("TODO") }
