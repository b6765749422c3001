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

	// MinPDU is the longest Proxy PDU that fits the least ATT MTU, 23.
	MinPDU = 20

	// maxNetwork is the longest network PDU, with or without a proxy
	// configuration message in it, and the longest beacon.
	maxNetwork = 29

	// maxProvisioning bounds provisioning PDUs: the longest that has a fixed
	// length has 65 octets, and a part of a provisioning record is as long as
	// the provisioner asks for.
	maxProvisioning = 512
)

// SARTimeout is how long the rest of a message may take after each of its
// segments; then the connection is given up (section 6.3.2.2).
const SARTimeout = 20 * time.Second

// Split appends the Proxy PDUs of a message to dst, each of room octets at most
// (section 6.3.2.1): one when it fits, else as many as it takes. A room of less
// than two octets is taken for MinPDU, as nothing could go through it.
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

// Reassembly puts the messages of one connection together, one at a time. Its
// memory is that of the longest message that has come. The zero value is ready.
type Reassembly struct {
	begun   bool
	kind    MessageType
	message []byte
	expiry  time.Time
	faults  int
}

// limit is how long a message of a type can be.
func limit(t MessageType) int {
	if t == ProvisioningPDU {
		return maxProvisioning
	}
	return maxNetwork
}

// Receive takes a Proxy PDU. It reports true with the last one of a message,
// which is valid until the next call. What does not fit is counted as a fault
// and changes nothing, but that a first segment begins anew, and that a message
// which grows too long is dropped: a message that is sent whole gets through
// whatever came before.
func (r *Reassembly) Receive(now time.Time, pdu []byte) (t MessageType, message []byte, complete bool) {
	if len(pdu) <= headerSize {
		return r.fault()
	}
	t = MessageType(pdu[0] & typeMask)
	sar, data := pdu[0]>>sarShift, pdu[headerSize:]
	switch {
	case t > ProvisioningPDU:
		return r.fault()
	case sar == sarComplete || sar == sarFirst:
		if r.begun {
			r.fault()
		}
		r.begun, r.kind, r.message = true, t, r.message[:0]
	case !r.begun || t != r.kind:
		return r.fault()
	}
	if len(r.message)+len(data) > limit(t) {
		r.begun, r.expiry = false, time.Time{}
		return r.fault()
	}
	r.message = append(r.message, data...)
	if sar == sarComplete || sar == sarLast {
		r.begun, r.expiry = false, time.Time{}
		return t, r.message, true
	}
	r.expiry = now.Add(SARTimeout)
	return t, nil, false
}

func (r *Reassembly) fault() (MessageType, []byte, bool) {
	r.faults++
	return 0, nil, false
}

// Deadline is when the message that has begun is overdue, zero while none has.
func (r *Reassembly) Deadline() time.Time { return r.expiry }

// Faults counts the Proxy PDUs that did not fit.
func (r *Reassembly) Faults() int { return r.faults }
