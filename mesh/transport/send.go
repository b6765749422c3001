package transport

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// Errors of sending. They are wrapped with the rejected value.
var (
	ErrAddress  = errors.New("transport: expected a unicast source and an assigned destination, unicast for a device key")
	ErrTTL      = errors.New("transport: expected a TTL from 0 to 127, or the default")
	ErrLength   = errors.New("transport: invalid message length")
	ErrOpcode   = errors.New("transport: expected a control opcode from 0x01 to 0x7f")
	ErrNoKey    = errors.New("transport: no key to send with")
	ErrFull     = errors.New("transport: too many segmented messages are in transit; wait for one to end")
	ErrIVIndex  = errors.New("transport: the IV index changed before every segment was acknowledged")
	ErrSeqRange = errors.New("transport: too many sequence numbers were used while the message was in transit")
)

// AccessOut is an access message to send.
type AccessOut struct {
	Src, Dst mesh.Address
	Label    mesh.UUID // if Dst is virtual
	NetKey   mesh.KeyIndex
	Key      Key
	TTL      mesh.TTL // 0 to 127, or mesh.DefaultTTL
	// Segmented sends a message in segments even if it fits into one PDU, so
	// that a unicast destination acknowledges it.
	Segmented bool
	// LongMIC authenticates with 64 bits instead of 32. Only a segmented
	// message can do that, so it implies Segmented.
	LongMIC bool
	// By is the credentials for the network PDUs if they differ from the node's
	// own credentials of NetKey. It is copied to their By.
	By *network.Credentials
	// Payload has 1 to 380 octets, 376 with LongMIC. Send copies it.
	Payload []byte
}

// ControlOut is a transport control message to send.
type ControlOut struct {
	Src, Dst mesh.Address
	NetKey   mesh.KeyIndex
	TTL      mesh.TTL // 0 to 127, or mesh.DefaultTTL
	Opcode   uint8    // 0x01 to 0x7f
	// Segmented sends in segments even what fits into one PDU.
	Segmented bool
	// Params has 0 to 256 octets, at least 1 if Segmented. SendControl copies
	// it.
	Params []byte
}

// Send sends an access message (section 3.6.4.1). A message of up to 11 octets
// is sent at once and unsegmented, and the handle is zero: its result is not
// reported. A longer one is sent in segments, one message at a time between the
// same two addresses and in the order of the calls. Its handle appears in
// Output.Done exactly once, possibly in this call. An error means that nothing
// was sent and nothing will be.
func (l *Layer) Send(now time.Time, m *AccessOut, out *Output) (Handle, error) {
	ttl, err := l.check(m.Src, m.Dst, m.TTL)
	if err != nil {
		return 0, err
	}
	if m.Key.IsDevice() && !m.Dst.IsUnicast() {
		return 0, fmt.Errorf("%w: from %s to %s", ErrAddress, m.Src, m.Dst)
	}
	limit := MaxPayload
	if m.LongMIC {
		limit = MaxLongMICPayload
	}
	if len(m.Payload) < 1 || len(m.Payload) > limit {
		return 0, fmt.Errorf("%w: access message of %d octets, expected 1 to %d", ErrLength, len(m.Payload), limit)
	}
	key, err := l.sealer(m.Key)
	if err != nil {
		return 0, err
	}
	if m.Segmented || m.LongMIC || len(m.Payload) > MaxUnsegmentedPayload {
		return l.enqueue(now, transfer{
			src: m.Src, dst: m.Dst, label: m.Label, netKey: m.NetKey, key: m.Key, ttl: ttl, szmic: m.LongMIC, by: m.By,
		}, m.Payload, out)
	}
	seq, iv, err := l.seq.Next()
	if err != nil {
		return 0, fmt.Errorf("transport: cannot send to %s: %w", m.Dst, err)
	}
	upper := key.seal(l.sealed[:0], m.Key.IsDevice(), seqAuthOf(iv, seq), m.Src, m.Dst, &m.Label, m.Payload, false)
	out.pdu(network.PDU{NetKey: m.NetKey, IVIndex: iv, TTL: ttl, Seq: seq, Src: m.Src, Dst: m.Dst, By: m.By},
		0, append(l.head[:0], key.first), upper)
	return 0, nil
}

// SendControl sends a transport control message (section 3.6.5), unsegmented up
// to 11 octets, in the same way as Send.
func (l *Layer) SendControl(now time.Time, m *ControlOut, out *Output) (Handle, error) {
	ttl, err := l.check(m.Src, m.Dst, m.TTL)
	if err != nil {
		return 0, err
	}
	if m.Opcode == opcodeAck || m.Opcode > opcodeMask {
		return 0, fmt.Errorf("%w, got %#02x", ErrOpcode, m.Opcode)
	}
	if len(m.Params) > MaxControlParams || m.Segmented && len(m.Params) == 0 {
		return 0, fmt.Errorf("%w: control message of %d octets, expected 0 to %d, at least 1 in segments", ErrLength, len(m.Params), MaxControlParams)
	}
	if m.Segmented || len(m.Params) > maxUnsegmentedControl {
		return l.enqueue(now, transfer{
			src: m.Src, dst: m.Dst, netKey: m.NetKey, ttl: ttl, ctl: true, first: m.Opcode,
		}, m.Params, out)
	}
	seq, iv, err := l.seq.Next()
	if err != nil {
		return 0, fmt.Errorf("transport: cannot send to %s: %w", m.Dst, err)
	}
	out.pdu(network.PDU{NetKey: m.NetKey, IVIndex: iv, CTL: true, TTL: ttl, Seq: seq, Src: m.Src, Dst: m.Dst},
		0, append(l.head[:0], m.Opcode), m.Params)
	return 0, nil
}

// check returns the TTL to send with.
func (l *Layer) check(src, dst mesh.Address, ttl mesh.TTL) (mesh.TTL, error) {
	if !src.IsUnicast() || dst == mesh.Unassigned {
		return 0, fmt.Errorf("%w: from %s to %s", ErrAddress, src, dst)
	}
	if ttl == mesh.DefaultTTL {
		return l.ttl, nil
	}
	if ttl > mesh.MaxTTL {
		return 0, fmt.Errorf("%w, got %d", ErrTTL, ttl)
	}
	return ttl, nil
}

// Cancel cancels a segmented message. Its result is Canceled. It returns false
// if the message is done or unknown.
func (l *Layer) Cancel(now time.Time, message Handle, out *Output) bool {
	for i := range l.transfers.slots {
		if t := &l.transfers.slots[i]; t.state != idle && t.handle == message {
			l.finish(t, Canceled, nil, out)
			l.startWaiting(now, out)
			return true
		}
	}
	return false
}

// CancelAll cancels all segmented messages, outgoing and incoming: the node
// leaves its network.
func (l *Layer) CancelAll(out *Output) {
	l.known = false
	for i := range l.transfers.slots {
		if t := &l.transfers.slots[i]; t.state != idle {
			l.finish(t, Canceled, nil, out)
		}
	}
	for i := range l.reassemblies.slots {
		l.reassemblies.slots[i].free()
	}
}

// Sending is the number of segmented messages that are accepted and not done.
// While it is not zero the node must not change its transmit IV index (section
// 3.11.5); otherwise messages in transit fail with ErrIVIndex.
func (l *Layer) Sending() int { return l.transfers.count() }
