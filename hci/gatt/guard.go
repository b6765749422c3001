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

	commandFlag = 0x40 // an unknown PDU with this bit is ignored (section 3.3)
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
	// maxRequests limits the requests of a client on a link. Discovery of the
	// services, their characteristics and descriptors takes one request for
	// every few of them.
	maxRequests = 200
	// maxUnsolicited is how many unexpected responses are tolerated: some peers
	// answer commands.
	maxUnsolicited = 16
)

// verdict says what to do with a PDU from the peer.
type verdict uint8

const (
	drop    verdict = iota
	pass            // pass it to go-ble
	deliver         // pass the value of a Data Out notification to the link
	answer          // the guard answers itself
)

// guard protects go-ble from an untrusted peer. It is a state machine without
// I/O. There is one for each link, as client or as server.
type guard struct {
	server bool
	mtu    int // largest MTU of this side

	// As a client.
	pending     byte   // opcode of the request that awaits its response, or 0
	first, last uint16 // handle range of the request
	requests    int
	unsolicited int
	dataOut     uint16 // handle of the subscribed notifications, or 0

	// As a server.
	configuration uint16 // handle of the client characteristic configuration of Data Out
	exchanged     bool   // the MTU exchange, which is done once, is done
	subscribed    bool   // the client has subscribed to notifications
}

// broken is the error for a peer that violates the protocol.
func broken(format string, args ...any) error {
	return fmt.Errorf("gatt: %s: %w", fmt.Sprintf(format, args...), ErrRules)
}

// received judges a PDU from the peer, which it may change. An error ends the
// link.
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

// sent notes a PDU that go-ble sends to the peer.
func (g *guard) sent(p []byte) error {
	if g.server || len(p) == 0 {
		return nil
	}
	switch p[0] {
	case opMTURequest, opWrite:
	case opFindInformation, opReadByType, opReadByGroup:
		if len(p) < 5 {
			return broken("expected a valid request, got one of %d octets", len(p)) // this side's own fault; never sent
		}
		g.first, g.last = binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
	default:
		return nil
	}
	g.requests++
	if g.requests > maxRequests {
		return broken("expected the peer's list of services to end, it did not within %d requests", maxRequests)
	}
	g.pending = p[0]
	return nil
}

// fromServer judges a PDU that a client receives.
func (g *guard) fromServer(p []byte) (verdict, []byte, error) {
	switch op := p[0]; {
	case op == opNotification:
		if len(p) > 3 && g.dataOut != 0 && binary.LittleEndian.Uint16(p[1:]) == g.dataOut {
			return deliver, nil, nil
		}
		return drop, nil, nil
	case op == opIndication: // such as Service Changed: this side searches again at each connection
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
	default: // requests: this side offers no service
		return answer, refusal(op, 0, errNotSupported), nil
	}
}

// response judges a response. It passes only the response to the pending
// request, and only if go-ble can walk its lists to their end.
func (g *guard) response(p []byte) (verdict, []byte, error) {
	if g.pending == 0 {
		g.unsolicited++
		if g.unsolicited > maxUnsolicited {
			return drop, nil, broken("expected responses to requests, got %d without a request", g.unsolicited)
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
	// The smaller MTU counts for both sides (section 3.4.2.2); go-ble would use
	// the peer's.
	binary.LittleEndian.PutUint16(p[1:], uint16(min(mtu, g.mtu)))
	return pass, nil, nil
}

// list checks the list of a response to a read by type or by group type:
//
//	op | length of an element | elements: handle (2) | ...
//
// For services follows the end of their group (2), for characteristics their
// properties and the handle of their value (2). The UUID has 2 or 16 octets.
func (g *guard) list(p []byte, short, long int) error {
	if len(p) < 2 {
		return broken("expected at least one element in a response 0x%02x, got %d octets", p[0], len(p))
	}
	length, elements := int(p[1]), p[2:]
	if length != short && length != long || len(elements) == 0 || len(elements)%length != 0 {
		return broken("expected elements of %d or %d octets in a response 0x%02x, got %d octets with a length of %d", short, long, p[0], len(elements), length)
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
