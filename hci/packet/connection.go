package packet

import (
	"encoding/binary"
	"time"
)

// Role is a side of a connection.
type Role uint8

// The roles: the central initiated the connection, the peripheral advertised.
const (
	RoleCentral    Role = 0x00
	RolePeripheral Role = 0x01
)

// ConnectionComplete reports a new connection, or why there is none (sections
// 7.7.65.1 and 7.7.65.10).
type ConnectionComplete struct {
	Status      Status
	Handle      uint16
	Role        Role
	PeerType    AddressType
	Peer        Address
	Interval    time.Duration
	Latency     uint16
	Supervision time.Duration
}

// ConnectionComplete decodes the plain and the enhanced form of the event.
func (e Event) ConnectionComplete() (ConnectionComplete, error) {
	const head, resolvable = 11, 12
	var times []byte
	p, err := e.subevent(SubeventConnectionComplete, head+7)
	if err == nil {
		times = p[head:]
	} else if p, err = e.subevent(SubeventEnhancedConnectionComplete, head+resolvable+7); err == nil {
		times = p[head+resolvable:]
	} else {
		return ConnectionComplete{}, err
	}
	return ConnectionComplete{
		Status:      Status(p[0]),
		Handle:      binary.LittleEndian.Uint16(p[1:]) & 0x0fff,
		Role:        Role(p[3]),
		PeerType:    AddressType(p[4]),
		Peer:        Address(p[5:11]),
		Interval:    time.Duration(binary.LittleEndian.Uint16(times)) * ConnectionUnit,
		Latency:     binary.LittleEndian.Uint16(times[2:]),
		Supervision: time.Duration(binary.LittleEndian.Uint16(times[4:])) * SupervisionUnit,
	}, nil
}

// ConnectionUpdate reports new parameters of a connection (section 7.7.65.3).
type ConnectionUpdate struct {
	Status      Status
	Handle      uint16
	Interval    time.Duration
	Latency     uint16
	Supervision time.Duration
}

// ConnectionUpdate decodes LE Connection Update Complete.
func (e Event) ConnectionUpdate() (ConnectionUpdate, error) {
	p, err := e.subevent(SubeventConnectionUpdateComplete, 9)
	if err != nil {
		return ConnectionUpdate{}, err
	}
	return ConnectionUpdate{
		Status:      Status(p[0]),
		Handle:      binary.LittleEndian.Uint16(p[1:]) & 0x0fff,
		Interval:    time.Duration(binary.LittleEndian.Uint16(p[3:])) * ConnectionUnit,
		Latency:     binary.LittleEndian.Uint16(p[5:]),
		Supervision: time.Duration(binary.LittleEndian.Uint16(p[7:])) * SupervisionUnit,
	}, nil
}

// DataLength reports the length of a connection's link layer packets (section
// 7.7.65.7).
type DataLength struct {
	Handle            uint16
	Transmit, Receive uint16 // maximum in octets
}

// DataLengthChange decodes LE Data Length Change.
func (e Event) DataLengthChange() (DataLength, error) {
	p, err := e.subevent(SubeventDataLengthChange, 10)
	if err != nil {
		return DataLength{}, err
	}
	return DataLength{
		Handle:   binary.LittleEndian.Uint16(p) & 0x0fff,
		Transmit: binary.LittleEndian.Uint16(p[2:]),
		Receive:  binary.LittleEndian.Uint16(p[6:]),
	}, nil
}

// DisconnectionComplete reports that a connection has ended (section 7.7.5).
type DisconnectionComplete struct {
	Status Status
	Handle uint16
	Reason Status
}

// DisconnectionComplete decodes the event.
func (e Event) DisconnectionComplete() (DisconnectionComplete, error) {
	if err := e.expect(EventDisconnectionComplete, 4); err != nil {
		return DisconnectionComplete{}, err
	}
	return DisconnectionComplete{
		Status: Status(e.Params[0]),
		Handle: binary.LittleEndian.Uint16(e.Params[1:]) & 0x0fff,
		Reason: Status(e.Params[3]),
	}, nil
}

// Completed iterates over the rows of Number Of Completed Packets (section
// 7.7.19).
type Completed struct{ rest []byte }

// CompletedPackets starts the iteration. It checks the whole event first: an
// event gives all of its credits or none.
func (e Event) CompletedPackets() (Completed, error) {
	if err := e.expect(EventCompletedPackets, 1); err != nil {
		return Completed{}, err
	}
	n := 4 * int(e.Params[0])
	if err := e.expect(EventCompletedPackets, 1+n); err != nil {
		return Completed{}, err
	}
	return Completed{rest: e.Params[1 : 1+n]}, nil
}

// Next returns a connection and how many of its packets the controller has
// completed since the last event, or false at the end.
func (c *Completed) Next() (handle uint16, packets int, ok bool) {
	if len(c.rest) < 4 {
		return 0, 0, false
	}
	handle = binary.LittleEndian.Uint16(c.rest) & 0x0fff
	packets = int(binary.LittleEndian.Uint16(c.rest[2:]))
	c.rest = c.rest[4:]
	return handle, packets, true
}
