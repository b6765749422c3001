package friend

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
)

// Opcodes of the transport control messages (section 3.6.5).
const (
	OpPoll                uint8 = 0x01
	OpUpdate              uint8 = 0x02
	OpRequest             uint8 = 0x03
	OpOffer               uint8 = 0x04
	OpClear               uint8 = 0x05
	OpClearConfirm        uint8 = 0x06
	OpSubscriptionAdd     uint8 = 0x07
	OpSubscriptionRemove  uint8 = 0x08
	OpSubscriptionConfirm uint8 = 0x09
)

// ErrFormat is wrapped by the errors of the Parse functions.
var ErrFormat = errors.New("friend: malformed message")

func malformed(what string, expected string, got any) error {
	return fmt.Errorf("%w: %s: expected %s, got %v", ErrFormat, what, expected, got)
}

// Poll asks the friend for a message (section 3.6.5.1).
//
//	+---------+-----+
//	| padding | FSN |
//	+---------+-----+
//	     7       1
type Poll struct{ FSN bool }

// Append appends the parameters, one octet.
func (m Poll) Append(dst []byte) []byte { return append(dst, bit(m.FSN)) }

// ParsePoll decodes the parameters. Padding must be zero.
func ParsePoll(params []byte) (Poll, error) {
	if len(params) != 1 || params[0] > 1 {
		return Poll{}, malformed("Friend Poll", "one octet, 00 or 01", octets(params))
	}
	return Poll{FSN: params[0] == 1}, nil
}

// Update reports the security state of the network, and whether the friend has
// more messages (section 3.6.5.2).
//
//	+-------+----------+----+
//	| flags | IV index | MD |
//	+-------+----------+----+
//	    8        32       8   bits; flags are those of a Secure Network beacon
type Update struct {
	beacon.State
	MoreData bool
}

const updateSize = 6

// Append appends the parameters, six octets.
func (m Update) Append(dst []byte) []byte {
	dst = append(dst, bit(m.KeyRefresh)|bit(m.IVUpdate)<<1)
	dst = binary.BigEndian.AppendUint32(dst, uint32(m.IVIndex))
	return append(dst, bit(m.MoreData))
}

// ParseUpdate decodes the parameters. Reserved flags are ignored.
func ParseUpdate(params []byte) (Update, error) {
	if len(params) != updateSize || params[5] > 1 {
		return Update{}, malformed("Friend Update", "six octets, the last 00 or 01", octets(params))
	}
	return Update{
		State: beacon.State{
			KeyRefresh: params[0]&1 != 0,
			IVUpdate:   params[0]&2 != 0,
			IVIndex:    mesh.IVIndex(binary.BigEndian.Uint32(params[1:])),
		},
		MoreData: params[5] == 1,
	}, nil
}

// Limits of a Request.
const (
	MinReceiveDelay = 10 * time.Millisecond
	MaxReceiveDelay = 255 * time.Millisecond
	MinPollTimeout  = time.Second
	MaxPollTimeout  = 345599900 * time.Millisecond // about four days

	pollStep = 100 * time.Millisecond
)

// Request looks for a friend (section 3.6.5.3).
//
//	+----------+---------------+--------------+------------------+--------------+-------------+
//	| criteria | receive delay | poll timeout | previous address | num elements | LPN counter |
//	+----------+---------------+--------------+------------------+--------------+-------------+
//	     1            1               3                 2                1              2      octets
type Request struct {
	Criteria     Criteria
	ReceiveDelay time.Duration // MinReceiveDelay to MaxReceiveDelay, whole milliseconds
	PollTimeout  time.Duration // MinPollTimeout to MaxPollTimeout, in steps of 100 ms
	Previous     mesh.Address  // the previous friend, unassigned for none
	Elements     uint8         // of the Low Power node, at least 1
	LPNCounter   uint16
}

const requestSize = 10

// Append appends the parameters, ten octets.
func (m Request) Append(dst []byte) []byte {
	steps := uint32(m.PollTimeout / pollStep)
	dst = append(dst, m.Criteria.octet(), uint8(m.ReceiveDelay/time.Millisecond), byte(steps>>16), byte(steps>>8), byte(steps))
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.Previous))
	dst = append(dst, m.Elements)
	return binary.BigEndian.AppendUint16(dst, m.LPNCounter)
}

// ParseRequest decodes the parameters of a request from src and rejects
// prohibited values.
func ParseRequest(src mesh.Address, params []byte) (Request, error) {
	const what = "Friend Request"
	if len(params) != requestSize {
		return Request{}, malformed(what, "ten octets", octets(params))
	}
	m := Request{
		Criteria:     criteriaOf(params[0]),
		ReceiveDelay: time.Duration(params[1]) * time.Millisecond,
		PollTimeout:  time.Duration(uint32(params[2])<<16|uint32(params[3])<<8|uint32(params[4])) * pollStep,
		Previous:     mesh.Address(binary.BigEndian.Uint16(params[5:])),
		Elements:     params[7],
		LPNCounter:   binary.BigEndian.Uint16(params[8:]),
	}
	switch {
	case m.Criteria.MinQueueSizeLog == 0:
		return m, malformed(what, "a minimum queue size of 2^1 to 2^7", m.Criteria.MinQueueSizeLog)
	case m.ReceiveDelay < MinReceiveDelay:
		return m, malformed(what, "a receive delay of at least 10 ms", m.ReceiveDelay)
	case m.PollTimeout < MinPollTimeout || m.PollTimeout > MaxPollTimeout:
		return m, malformed(what, "a poll timeout of 1 s to 345599.9 s", m.PollTimeout)
	case m.Previous != mesh.Unassigned && !m.Previous.IsUnicast():
		return m, malformed(what, "a unicast or unassigned previous address", m.Previous)
	case m.Elements == 0 || !src.IsUnicast() || int(src)+int(m.Elements)-1 > int(mesh.LastUnicast):
		return m, malformed(what, "elements with unicast addresses", fmt.Sprintf("%d from %s on", m.Elements, src))
	}
	return m, nil
}

// Offer answers a Request (section 3.6.5.4).
//
//	+----------------+------------+------------------------+------+----------------+
//	| receive window | queue size | subscription list size | RSSI | friend counter |
//	+----------------+------------+------------------------+------+----------------+
//	        1              1                  1               1           2          octets
type Offer struct {
	ReceiveWindow     time.Duration // 1 to 255 ms
	QueueSize         uint8         // PDUs
	SubscriptionsSize uint8         // addresses
	RSSI              int8          // of the Request at the friend, dBm; 127 for unknown
	FriendCounter     uint16
}

const offerSize = 6

// Append appends the parameters, six octets.
func (m Offer) Append(dst []byte) []byte {
	dst = append(dst, uint8(m.ReceiveWindow/time.Millisecond), m.QueueSize, m.SubscriptionsSize, uint8(m.RSSI))
	return binary.BigEndian.AppendUint16(dst, m.FriendCounter)
}

// ParseOffer decodes the parameters.
func ParseOffer(params []byte) (Offer, error) {
	if len(params) != offerSize || params[0] == 0 {
		return Offer{}, malformed("Friend Offer", "six octets, the first not 00", octets(params))
	}
	return Offer{
		ReceiveWindow:     time.Duration(params[0]) * time.Millisecond,
		QueueSize:         params[1],
		SubscriptionsSize: params[2],
		RSSI:              int8(params[3]),
		FriendCounter:     binary.BigEndian.Uint16(params[4:]),
	}, nil
}

// Clear ends a friendship because the Low Power node has another friend or
// needs none (Friend Clear and Friend Clear Confirm, sections 3.6.5.5 and
// 3.6.5.6).
//
//	+-------------+-------------+
//	| LPN address | LPN counter |
//	+-------------+-------------+
//	      16            16        bits
type Clear struct {
	LPN        mesh.Address
	LPNCounter uint16 // of the Request that led to the new friendship, if there is one
}

const clearSize = 4

// Append appends the parameters, four octets.
func (m Clear) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, uint16(m.LPN)), m.LPNCounter)
}

// ParseClear decodes the parameters of either message.
func ParseClear(params []byte) (Clear, error) {
	if len(params) != clearSize {
		return Clear{}, malformed("Friend Clear", "four octets", octets(params))
	}
	m := Clear{LPN: mesh.Address(binary.BigEndian.Uint16(params)), LPNCounter: binary.BigEndian.Uint16(params[2:])}
	if !m.LPN.IsUnicast() {
		return m, malformed("Friend Clear", "a unicast address", m.LPN)
	}
	return m, nil
}

// validClear reports whether a Clear with this counter ends a friendship that
// was established with the other one: it is at most 255 higher, modulo 65536.
func validClear(counter, since uint16) bool { return counter-since <= 255 }

// maxListed is how many addresses fit into an unsegmented Subscriptions
// message.
const maxListed = 5

// Subscriptions adds addresses to the Friend Subscription List, or removes them
// (sections 3.6.5.7 and 3.6.5.8).
//
//	+--------------------+-------------------------+
//	| transaction number | addresses, 1 to 5 of 16 |
//	+--------------------+-------------------------+
//	          8             group or virtual          bits
type Subscriptions struct {
	Transaction uint8
	Count       int // of Addresses
	Addresses   [maxListed]mesh.Address
}

// Append appends the parameters.
func (m Subscriptions) Append(dst []byte) []byte {
	dst = append(dst, m.Transaction)
	for _, a := range m.Addresses[:m.Count] {
		dst = binary.BigEndian.AppendUint16(dst, uint16(a))
	}
	return dst
}

// ParseSubscriptions decodes the parameters of either message. Addresses that
// cannot be subscribed to are rejected.
func ParseSubscriptions(params []byte) (Subscriptions, error) {
	const what = "Friend Subscription List"
	var m Subscriptions
	if len(params) < 3 || len(params)%2 != 1 || len(params) > 1+2*maxListed {
		return m, malformed(what, "a transaction number and one to five addresses", octets(params))
	}
	m.Transaction = params[0]
	for rest := params[1:]; len(rest) > 0; rest = rest[2:] {
		a := mesh.Address(binary.BigEndian.Uint16(rest))
		if !a.IsGroup() && !a.IsVirtual() {
			return m, malformed(what, "group and virtual addresses", a)
		}
		m.Addresses[m.Count] = a
		m.Count++
	}
	return m, nil
}

// SubscriptionConfirm answers Subscriptions (section 3.6.5.9).
//
//	+--------------------+
//	| transaction number |
//	+--------------------+
//	          8            bits
type SubscriptionConfirm struct{ Transaction uint8 }

// Append appends the parameters, one octet.
func (m SubscriptionConfirm) Append(dst []byte) []byte { return append(dst, m.Transaction) }

// ParseSubscriptionConfirm decodes the parameters.
func ParseSubscriptionConfirm(params []byte) (SubscriptionConfirm, error) {
	if len(params) != 1 {
		return SubscriptionConfirm{}, malformed("Friend Subscription List Confirm", "one octet", octets(params))
	}
	return SubscriptionConfirm{Transaction: params[0]}, nil
}

// octets formats parameters for an error.
func octets(params []byte) string {
	return fmt.Sprintf("%d: % x", len(params), params[:min(len(params), 16)])
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
