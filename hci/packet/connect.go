package packet

import "time"

// Units of a connection's times.
const (
	ConnectionUnit  = 1250 * time.Microsecond // connection interval
	SupervisionUnit = 10 * time.Millisecond
)

// ConnectionParameters are the times of a connection (sections 7.8.12 and
// 7.8.18). The supervision timeout must be longer than twice the longest
// interval times the latency plus one.
type ConnectionParameters struct {
	IntervalMin time.Duration // 7.5 ms to 4 s
	IntervalMax time.Duration
	Latency     uint16        // connection events that the peripheral may skip, at most 499
	Supervision time.Duration // 100 ms to 32 s without a packet before the connection ends
}

// Valid reports whether the parameters are in the ranges of the Core
// specification and consistent.
func (p ConnectionParameters) Valid() bool {
	const shortest, longest = 7500 * time.Microsecond, 4 * time.Second
	return p.IntervalMin >= shortest && p.IntervalMin <= p.IntervalMax && p.IntervalMax <= longest &&
		p.Latency <= 499 && p.Supervision >= 100*time.Millisecond && p.Supervision <= 32*time.Second &&
		p.Supervision > 2*time.Duration(p.Latency+1)*p.IntervalMax
}

func (p ConnectionParameters) appendTo(c *Command) {
	c.append16(uint16(p.IntervalMin / ConnectionUnit))
	c.append16(uint16(p.IntervalMax / ConnectionUnit))
	c.append16(p.Latency)
	c.append16(uint16(p.Supervision / SupervisionUnit))
	c.append(0, 0, 0, 0) // length of the connection events: left to the controller
}

// CreateConnection holds the parameters of LE Create Connection, legacy or
// extended, to one peer address on the LE 1M PHY. Only one attempt is possible
// at a time.
type CreateConnection struct {
	Interval   time.Duration // of the scan for the peer
	Window     time.Duration
	Peer       Address
	PeerType   AddressType // public or random
	OwnAddress AddressType
	Connection ConnectionParameters
}

// Legacy encodes LE Create Connection (section 7.8.12).
func (p CreateConnection) Legacy() Command {
	c := Command{opcode: OpLECreateConnection}
	c.append16(Units(p.Interval))
	c.append16(Units(p.Window))
	c.append(0, byte(p.PeerType)) // no filter accept list
	c.append(p.Peer[:]...)
	c.append(byte(p.OwnAddress))
	p.Connection.appendTo(&c)
	return c
}

// Extended encodes LE Extended Create Connection (section 7.8.66).
func (p CreateConnection) Extended() Command {
	c := NewCommand(OpLEExtendedCreateConnection, 0, byte(p.OwnAddress), byte(p.PeerType))
	c.append(p.Peer[:]...)
	c.append(PHY1M)
	c.append16(Units(p.Interval))
	c.append16(Units(p.Window))
	p.Connection.appendTo(&c)
	return c
}

// LECreateConnectionCancel ends an attempt. LE Connection Complete follows,
// with StatusUnknownConnection or with the connection if it was established
// just before (section 7.8.13).
func LECreateConnectionCancel() Command { return NewCommand(OpLECreateConnectionCancel) }

// Disconnect ends a connection; Disconnection Complete follows. Only some
// reasons are allowed (section 7.1.6).
func Disconnect(handle uint16, reason Status) Command {
	c := Command{opcode: OpDisconnect}
	c.append16(handle)
	c.append(byte(reason))
	return c
}

// LEConnectionUpdate changes the parameters of a connection (section 7.8.18).
func LEConnectionUpdate(handle uint16, p ConnectionParameters) Command {
	c := Command{opcode: OpLEConnectionUpdate}
	c.append16(handle)
	p.appendTo(&c)
	return c
}

// Longest link layer packets (volume 6 part B, section 4.5.10).
const (
	MaxDataOctets = 251
	maxDataTime   = 2120 // µs, on the LE 1M PHY
)

// LESetDataLength suggests the longest link layer packets that the controller
// should send on a connection (section 7.8.33).
func LESetDataLength(handle uint16) Command {
	c := Command{opcode: OpLESetDataLength}
	c.append16(handle)
	c.append16(MaxDataOctets)
	c.append16(maxDataTime)
	return c
}

// LEReadBufferSize requests the buffers for LE data (section 7.8.2).
func LEReadBufferSize() Command { return NewCommand(OpLEReadBufferSize) }

// ReadBufferSize requests the buffers that LE shares with BR/EDR when it has no
// separate ones (section 7.4.5).
func ReadBufferSize() Command { return NewCommand(OpReadBufferSize) }
