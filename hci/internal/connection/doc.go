// Package connection is L2CAP in basic mode on one LE connection (Core, volume
// 3 part A, sections 3.1 and 4). It reassembles PDUs from ACL data, delivers
// those of the Attribute Protocol, and answers the other two fixed channels.
//
//	+----------+-----------+------------------------+
//	| length 2 | channel 2 | payload, length octets |   in one or more ACL packets
//	+----------+-----------+------------------------+
//	             0x0004 Attribute Protocol        ─▶ Read, Write
//	             0x0005 LE signalling             ─▶ parameter updates answered, the rest rejected
//	             0x0006 Security Manager Protocol ─▶ pairing failed: not supported
//
// The peer is not trusted. Reassembly is limited, other channels are skipped,
// and a peer that floods or violates the protocol is disconnected.
package connection

import "errors"

// Errors that callers branch on.
var (
	// ErrRules ends a connection with a peer that violates L2CAP.
	ErrRules = errors.New("the peer violates L2CAP")
	// ErrFlood ends a connection with a peer that sends faster than its PDUs
	// are read.
	ErrFlood = errors.New("the peer sends faster than its PDUs are read")
)

// Channel is an L2CAP channel identifier (section 2.1).
type Channel uint16

// The fixed channels of LE.
const (
	ChannelATT        Channel = 0x0004
	ChannelSignalling Channel = 0x0005
	ChannelSMP        Channel = 0x0006
)

// headerLen is the length of the header before the payload.
const headerLen = 4
