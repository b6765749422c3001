package proxy

import (
	"fmt"
	"time"
)

// MessageType is the type of a message in Proxy PDUs (section 6.3.1).
type MessageType uint8

// The message types; others are reserved.
const (
	NetworkPDU      MessageType = 0x00
	MeshBeacon      MessageType = 0x01
	Configuration   MessageType = 0x02
	ProvisioningPDU MessageType = 0x03
)

// String names the type.
func (t MessageType) String() string {
	switch t {
	case NetworkPDU:
		return "network PDU"
	case MeshBeacon:
		return "mesh beacon"
	case Configuration:
		return "proxy configuration"
	case ProvisioningPDU:
		return "provisioning PDU"
	default:
		return fmt.Sprintf("proxy message type 0x%02x", uint8(t))
	}
}

// Values of the SAR field.
const (
	sarComplete     = 0
	sarFirst        = 1
	sarContinuation = 2
	sarLast         = 3

	sarShift = 6
	typeMask = 1<<sarShift - 1
)

// Sizes in octets.
const (
	headerSize = 1

	// MinPDU is the length of the longest Proxy PDU that fits the smallest ATT
	// MTU, 23.
	MinPDU = 20

	// maxNetwork is the length of the longest network PDU, with or without a
	// proxy configuration message, and of the longest beacon.
	maxNetwork = 29

	// maxProvisioning limits provisioning PDUs: the longest of a fixed length
	// has 65 octets, and a fragment of a provisioning record is as long as the
	// provisioner requests.
	maxProvisioning = 512
)

// SARTimeout is how long the rest of a message may take after each of its
// segments; then the connection is closed (section 6.3.2.2).
const SARTimeout = 20 * time.Second

// Split appends the Proxy PDUs of a message to dst, each of at most room octets
// (section 6.3.2.1). A room of less than two octets counts as MinPDU, because
// nothing could pass otherwise.
func Split(dst [][]byte, t MessageType, message []byte, room int) [][]byte {
	if room <= headerSize {
		room = MinPDU
	}
	data := room - headerSize
	for sar, rest := sarFirst, message; ; sar = sarContinuation {
		n := min(len(rest), data)
		switch last := n == len(rest); {
		case last && sar == sarFirst:
			sar = sarComplete
		case last:
			sar = sarLast
		}
		pdu := make([]byte, 0, headerSize+n)
		pdu = append(pdu, byte(sar)<<sarShift|byte(t)&typeMask)
		dst = append(dst, append(pdu, rest[:n]...))
		if rest = rest[n:]; len(rest) == 0 {
			return dst
		}
	}
}

// Reassembly reassembles the messages of one connection, one at a time. Its
// memory is that of the longest message received so far. The zero value is
// ready.
type Reassembly struct {
	begun   bool
	kind    MessageType
	message []byte
	expiry  time.Time
	refused ReassemblyCounters
}

// ReassemblyCounters counts the Proxy PDUs that a Reassembly has refused, and messages
// that it has dropped.
type ReassemblyCounters struct {
	Empty      uint64 // PDUs without a message
	Reserved   uint64 // PDUs of a message type that is reserved
	Unexpected uint64 // continuation and last segments without a first one, or of another message type
	Unfinished uint64 // messages that another message has interrupted
	TooLong    uint64 // messages longer than any of their type
}

// Total is the sum of all counters.
func (c *ReassemblyCounters) Total() uint64 {
	return c.Empty + c.Reserved + c.Unexpected + c.Unfinished + c.TooLong
}

// Add adds the counters of another.
func (c *ReassemblyCounters) Add(other *ReassemblyCounters) {
	c.Empty += other.Empty
	c.Reserved += other.Reserved
	c.Unexpected += other.Unexpected
	c.Unfinished += other.Unfinished
	c.TooLong += other.TooLong
}

// limit is the largest length of a message of a type.
func limit(t MessageType) int {
	if t == ProvisioningPDU {
		return maxProvisioning
	}
	return maxNetwork
}

// Receive takes a Proxy PDU. It returns true with the last one of a message,
// which is valid until the next call. An invalid PDU is counted as a fault and
// changes nothing, with two exceptions: a first segment begins again, and a
// message that becomes too long is dropped. So a correctly sent message is
// received whatever was received before.
func (r *Reassembly) Receive(now time.Time, pdu []byte) (t MessageType, message []byte, complete bool) {
	if len(pdu) <= headerSize {
		return refuse(&r.refused.Empty)
	}
	t = MessageType(pdu[0] & typeMask)
	sar, data := pdu[0]>>sarShift, pdu[headerSize:]
	switch {
	case t > ProvisioningPDU:
		return refuse(&r.refused.Reserved)
	case sar == sarComplete || sar == sarFirst:
		if r.begun {
			r.refused.Unfinished++
		}
		r.begun, r.kind, r.message = true, t, r.message[:0]
	case !r.begun || t != r.kind:
		return refuse(&r.refused.Unexpected)
	}
	if len(r.message)+len(data) > limit(t) {
		r.begun, r.expiry = false, time.Time{}
		return refuse(&r.refused.TooLong)
	}
	r.message = append(r.message, data...)
	if sar == sarComplete || sar == sarLast {
		r.begun, r.expiry = false, time.Time{}
		return t, r.message, true
	}
	r.expiry = now.Add(SARTimeout)
	return t, nil, false
}

func refuse(counter *uint64) (MessageType, []byte, bool) {
	*counter++
	return 0, nil, false
}

// Deadline is when the current message is overdue, zero if there is none.
func (r *Reassembly) Deadline() time.Time { return r.expiry }

// Faults returns the number of invalid Proxy PDUs.
func (r *Reassembly) Faults() int { return int(r.refused.Total()) }

// Refused returns what was refused, by kind.
func (r *Reassembly) Refused() ReassemblyCounters { return r.refused }
