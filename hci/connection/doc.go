// Package connection is L2CAP in basic mode on one LE connection (Core, volume 3
// part A, sections 3.1 and 4): it puts PDUs together from ACL data, hands those
// of the Attribute Protocol out, and answers the other two fixed channels.
//
//	+----------+-----------+------------------------+
//	| length 2 | channel 2 | payload, length octets |   in one or more ACL packets
//	+----------+-----------+------------------------+
//	             0x0004 Attribute Protocol        ─▶ Read, Write
//	             0x0005 LE signalling             ─▶ parameter updates answered, the rest rejected
//	             0x0006 Security Manager Protocol ─▶ pairing failed: not supported
//
// The peer is not trusted: what is put together is bounded, what comes for
// other channels is skipped, and who floods or breaks the rules is
// disconnected.
package connection

import "errors"

// Errors that callers branch on.
var (
	// ErrRules is the end of a connection with a peer that breaks the rules of
	// L2CAP.
	ErrRules = errors.New("the peer breaks the rules of L2CAP")
	// ErrFlood is the end of a connection with a peer that sends faster than
	// it is read.
	ErrFlood = errors.New("the peer sends more than can be taken")
)

// Channel is an L2CAP channel identifier (section 2.1).
type Channel uint16

// The fixed channels of LE.
const (
	ChannelATT        Channel = 0x0004
	ChannelSignalling Channel = 0x0005
	ChannelSMP        Channel = 0x0006
)

// headerLen is the octets before the payload.
const headerLen = 4
