// Package heartbeat implements heartbeats, by which nodes show that they are
// present and how far away (Mesh Protocol 1.1, sections 3.6.5.10 and 3.6.7). A
// node that publishes heartbeats sends them with a TTL that is also in the
// message. A node that subscribes to them computes the number of hops from the
// difference.
//
// The message is a transport control message with opcode 0x0A:
//
//	+-----+----------+----------+
//	| RFU | Init TTL | features |
//	+-----+----------+----------+
//	   1       7          16      bits
//
// Publication and Subscription are state machines without a clock. The node
// sends and receives for them.
package heartbeat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Opcode is the opcode of the transport control message.
const Opcode uint8 = 0x0A

// ErrFormat is wrapped by the errors of Parse.
var ErrFormat = errors.New("heartbeat: malformed heartbeat")

// Message is a heartbeat.
type Message struct {
	InitTTL  mesh.TTL // TTL that it was sent with, 0 to 127
	Features uint16   // in use at the sender: relay, proxy, friend, low power, from bit 0
}

const size = 3

// Append appends the parameters, three octets.
func (m Message) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(append(dst, uint8(m.InitTTL&mesh.MaxTTL)), m.Features)
}

// Parse decodes the parameters.
func Parse(params []byte) (Message, error) {
	if len(params) != size {
		return Message{}, fmt.Errorf("%w: expected %d octets, got %d", ErrFormat, size, len(params))
	}
	return Message{InitTTL: mesh.TTL(params[0]) & mesh.MaxTTL, Features: binary.BigEndian.Uint16(params[1:])}, nil
}

// Hops returns the number of hops of a heartbeat that arrived with a TTL: 1
// from a neighbour. It returns false if no relays can have produced that TTL.
func (m Message) Hops(ttl mesh.TTL) (hops uint8, ok bool) {
	if ttl > m.InitTTL {
		return 0, false
	}
	return uint8(m.InitTTL-ttl) + 1, true
}

// Limits of the logarithms on the air.
const (
	maxLog  = 0x11
	endless = 0xFF
	maxLeft = 0xFFFE // what 0x11 means as a count
)

// pow is 2^(log-1), zero for 0.
func pow(log uint8) int {
	if log == 0 {
		return 0
	}
	return 1 << (min(log, maxLog) - 1)
}

// logOf is the logarithmic form of a number (section 4.1.2).
func logOf(n int) uint8 { return uint8(bits.Len(uint(max(n, 0)))) }

// Period is the time that a period log means, zero for none.
func Period(log uint8) time.Duration { return time.Duration(pow(log)) * time.Second }

// PeriodLog is the period log of a time, rounded up; at most 0x11.
func PeriodLog(d time.Duration) uint8 {
	if d <= 0 {
		return 0
	}
	seconds := int((d + time.Second - 1) / time.Second)
	return min(logOf(seconds-1)+1, maxLog)
}
