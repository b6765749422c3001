package gatt

import (
	"encoding/binary"
	"fmt"
)

// Opcodes of the Attribute Protocol (Core, volume 3 part F, section 3.4.8). A
// response has the opcode of its request plus one.
const (
	opError           = 0x01
	opMTURequest      = 0x02
	opMTUResponse     = 0x03
	opFindInformation = 0x04
	opFindByTypeValue = 0x06
	opReadByType      = 0x08
	opRead            = 0x0a
	opReadBlob        = 0x0c
	opReadByGroup     = 0x10
	opWrite           = 0x12
	opNotification    = 0x1b
	opIndication      = 0x1d
	opConfirmation    = 0x1e
	opReadVariable    = 0x20 // Read Multiple Variable Request
	opWriteCommand    = 0x52

	commandFlag = 0x40 // an unknown PDU with it is ignored (section 3.3)
)

// Error codes (section 3.4.1.1).
const (
	errInvalidPDU       = 0x04
	errNotSupported     = 0x06
	errNotLong          = 0x0b
	errValueLength      = 0x0d
	errUnsupportedGroup = 0x10
)

const (
	minMTU = 23
	// maxRequests is how many requests a client makes on a link: finding the
	// services, their characteristics and descriptors takes one for each few.
	maxRequests = 200
	// maxUnsolicited is how many responses to nothing are put up with: some
	// peers answer to commands.
	maxUnsolicited = 16
)

// verdict is what becomes of a PDU from the peer.
type verdict uint8

const (
	drop    verdict = iota
	pass            // to go-ble
	deliver         // the value of a notification of Data Out, to the link
	answer          // by the guard itself
)

// guard stands between go-ble and a peer that is not to be trusted. It is a
// state machine without I/O; both sides of a link have one.
type guard struct {
	server bool
	mtu    int // that this side can take

	// As a client.
	pending     byte   // opcode of the request that waits for its response, or 0
	first, last uint16 // handles that it asked for
	requests    int
	unsolicited int
	dataOut     uint16 // handle of the notifications that are wanted, or 0

	// As a server.
	configuration uint16 // handle of Data Out's client characteristic configuration
	exchanged     bool   // the MTU, which is done once
	subscribed    bool   // the client has asked for notifications
}

// broken is the error for a peer that breaks the rules.
func broken(format string, args ...any) error {
	return fmt.Errorf("gatt: %s: %w", fmt.Sprintf(format, args...), ErrRules)
}

// received judges a PDU from the peer, which it may change. An error is the end
// of the link.
func (g *guard) received(p []byte) (v verdict, reply []byte, err error) {
	switch {
	case len(p) == 0:
		return drop, nil, nil
	case len(p) > g.mtu:
		return drop, nil, broken("expected a PDU of at most %d octets, got %d", g.mtu, len(p))
	case g.server:
		v, reply = g.request(p)
		return v, reply, nil
	default:
		return g.fromServer(p)
	}
}

// refusal is an Error Response.
//
//	01 | opcode of the request | handle (2) | error code
func refusal(op byte, handle uint16, code byte) []byte {
	return []byte{opError, op, byte(handle), byte(handle >> 8), code}
}

// sent takes note of a PDU that go-ble sends to the peer.
func (g *guard) sent(p []byte) error {
	if g.server || len(p) == 0 {
		return nil
	}
	switch p[0] {
	case opMTURequest, opWrite:
	case opFindInformation, opReadByType, opReadByGroup:
		if len(p) < 5 {
			return broken("a request of %d octets", len(p)) // ours, and never sent
		}
		g.first, g.last = binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
	default:
		return nil
	}
	g.requests++
	if g.requests > maxRequests {
		return broken("the peer's services have no end after %d requests", maxRequests)
	}
	g.pending = p[0]
	return nil
}

// fromServer judges what comes to a client.
func (g *guard) fromServer(p []byte) (verdict, []byte, error) {
	switch op := p[0]; {
	case op == opNotification:
		if len(p) > 3 && g.dataOut != 0 && binary.LittleEndian.Uint16(p[1:]) == g.dataOut {
			return deliver, nil, nil
		}
		return drop, nil, nil
	case op == opIndication: // such as Service Changed: whoever connects again looks again
		if len(p) < 3 {
			return drop, nil, nil
		}
		return answer, []byte{opConfirmation}, nil
	case op == opMTURequest && len(p) == 3:
		return answer, binary.LittleEndian.AppendUint16([]byte{opMTUResponse}, uint16(g.mtu)), nil
	case op&1 == 1 && op < opNotification:
		return g.response(p)
	case op&commandFlag != 0, op >= opNotification && op != opReadVariable:
		return drop, nil, nil
	default: // requests: this side offers nothing
		return answer, refusal(op, 0, errNotSupported), nil
	}
}

// response judges a response. Only that to the request that waits is passed on,
// and only one whose lists go-ble can walk to their end.
func (g *guard) response(p []byte) (verdict, []byte, error) {
	if g.pending == 0 {
		g.unsolicited++
		if g.unsolicited > maxUnsolicited {
			return drop, nil, broken("%d responses without a request", g.unsolicited)
		}
		return drop, nil, nil
	}
	request := g.pending
	g.pending = 0
	if p[0] == opError {
		if len(p) != 5 || p[1] != request || p[4] == 0 {
			return drop, nil, broken("expected the error of request 0x%02x, got % x", request, p)
		}
		return pass, nil, nil
	}
	if p[0] != request+1 {
		return drop, nil, broken("expected the response to request 0x%02x, got 0x%02x", request, p[0])
	}
	switch request {
	case opMTURequest:
		return g.mtuResponse(p)
	case opWrite:
		if len(p) != 1 {
			return drop, nil, broken("expected a write response of 1 octet, got %d", len(p))
		}
		return pass, nil, nil
	case opFindInformation:
		return pass, nil, g.information(p)
	case opReadByType:
		return pass, nil, g.list(p, 7, 21)
	default:
		return pass, nil, g.list(p, 6, 20)
	}
}

func (g *guard) mtuResponse(p []byte) (verdict, []byte, error) {
	if len(p) != 3 {
		return drop, nil, broken("expected an MTU response of 3 octets, got %d", len(p))
	}
	mtu := int(binary.LittleEndian.Uint16(p[1:]))
	if mtu < minMTU {
		return drop, nil, broken("expected an MTU of %d or more, got %d", minMTU, mtu)
	}
	// The smaller of the two counts for both (section 3.4.2.2); go-ble would
	// take the peer's.
	binary.LittleEndian.PutUint16(p[1:], uint16(min(mtu, g.mtu)))
	return pass, nil, nil
}

// list checks the list of a response to a read by type or by group type:
//
//	op | length of an element | elements: handle (2) | ...
//
// Services go on with the end of their group (2), characteristics with their
// properties and the handle of their value (2). Their UUID has 2 or 16 octets.
func (g *guard) list(p []byte, short, long int) error {
	if len(p) < 2 {
		return broken("a response 0x%02x of %d octets", p[0], len(p))
	}
	length, elements := int(p[1]), p[2:]
	if length != short && length != long || len(elements) == 0 || len(elements)%length != 0 {
		return broken("expected elements of %d or %d octets in a response 0x%02x, got %d octets in ones of %d", short, long, p[0], len(elements), length)
	}
	at := int(g.first)
	for ; len(elements) > 0; elements = elements[length:] {
		from := int(binary.LittleEndian.Uint16(elements))
		to := int(binary.LittleEndian.Uint16(elements[2:]))
		least := from
		if p[0] == opReadByType+1 {
			to = int(binary.LittleEndian.Uint16(elements[3:]))
			least = from + 1
		}
		if from < at || to < least || from > int(g.last) || p[0] == opReadByType+1 && (to > int(g.last) || to == 0xffff) {
			return broken("expected handles from 0x%04x to 0x%04x in a response 0x%02x, got 0x%04x and 0x%04x", at, g.last, p[0], from, to)
		}
		at = to + 1
	}
	return nil
}

// information checks the list of a Find Information Response:
//
//	op | format | elements: handle (2) | UUID (2 or 16)
func (g *guard) information(p []byte) error {
	if len(p) < 2 || p[1] != 1 && p[1] != 2 {
		return broken("expected descriptors of format 1 or 2, got % x", p[:min(len(p), 2)])
	}
	length := 4
	if p[1] == 2 {
		length = 18
	}
	elements := p[2:]
	if len(elements) == 0 || len(elements)%length != 0 {
		return broken("expected descriptors of %d octets, got %d", length, len(elements))
	}
	at := int(g.first)
	for ; len(elements) > 0; elements = elements[length:] {
		handle := int(binary.LittleEndian.Uint16(elements))
		if handle < at || handle > int(g.last) || handle == 0xffff {
			return broken("expected descriptors from 0x%04x to 0x%04x, got 0x%04x", at, g.last, handle)
		}
		at = handle + 1
	}
	return nil
}
