package packet

import (
	"encoding/binary"
	"time"
)

// Role is a side of a connection.
type Role uint8

// The roles: who initiated a connection, and who advertised.
const (
	RoleCentral    Role = 0x00
	RolePeripheral Role = 0x01
)

// ConnectionComplete tells of a new connection, or why there is none (sections
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

// ConnectionComplete decodes the event in its plain and its enhanced form.
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

// ConnectionUpdate tells of new parameters of a connection (section 7.7.65.3).
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

// DataLength tells how long the link layer packets of a connection are
// (section 7.7.65.7).
type DataLength struct {
	Handle            uint16
	Transmit, Receive uint16 // octets at most
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

// DisconnectionComplete tells that a connection has ended (section 7.7.5).
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

// Completed walks the rows of Number Of Completed Packets (section 7.7.19).
type Completed struct{ rest []byte }

// CompletedPackets starts the walk. The whole event is checked first: credits
// are taken from all of it or from none.
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

// Next gives a connection and how many of its packets the controller has done
// with since the last event; false at the end.
func (c *Completed) Next() (handle uint16, packets int, ok bool) {
	if len(c.rest) < 4 {
		return 0, 0, false
	}
	handle = binary.LittleEndian.Uint16(c.rest) & 0x0fff
	packets = int(binary.LittleEndian.Uint16(c.rest[2:]))
	c.rest = c.rest[4:]
	return handle, packets, true
}
