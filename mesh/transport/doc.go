// Package transport is the lower and the upper transport layer of one node
// (Mesh Protocol 1.1, sections 3.5 and 3.6) with the message replay protection
// list (section 3.9.8). It turns lower transport PDUs into access messages and
// transport control messages, and back.
//
// A Layer is a pure state machine. Time comes in as an argument, sequence
// numbers and keys through two small interfaces, and everything that is to be
// done comes out in an Output. It has no clock, no goroutine and no randomness,
// and belongs to one goroutine.
//
// The first octet of a lower transport PDU, with CTL of the network PDU, says
// which of four it is. All numbers are big endian:
//
//	CTL 0  +---+-----+-----+---------------------------------------+
//	       | 0 | AKF | AID |  upper transport access PDU, 5 to 15  |
//	       +---+-----+-----+---------------------------------------+
//	       +---+-----+-----+-------+---------+------+------+-------+
//	       | 1 | AKF | AID | SZMIC | SeqZero | SegO | SegN | 1..12 |
//	       +---+-----+-----+-------+---------+------+------+-------+
//	   bits  1    1     6      1       13       5      5     octets
//	CTL 1  +---+-----------+---------------------------------------+
//	       | 0 |  opcode   |  parameters, 0 to 11                  |
//	       +---+-----------+---------------------------------------+
//	       +---+-----------+-------+---------+------+------+-------+
//	       | 1 |  opcode   |  RFU  | SeqZero | SegO | SegN | 1..8  |
//	       +---+-----------+-------+---------+------+------+-------+
//
// Opcode 0 with SEG 0 is the Segment Acknowledgment, which never leaves this
// package:
//
//	+---+---+-----+---------+-----+---------------+
//	| 0 | 0 | OBO | SeqZero | RFU | AckedSegments |
//	+---+---+-----+---------+-----+---------------+
//	  1   7    1      13       2         32
//
// The upper transport access PDU is the access message encrypted with an
// application or device key, and its TransMIC of 32 or 64 bits.
//
// # Spacing of segments
//
// The Layer emits one segment at a time, a segment interval apart, and not the
// whole message for the radio to space. So a segment takes its sequence number
// when it is sent: messages that are sent meanwhile keep the numbers of one
// source in order on the air, a segment that was acknowledged before its turn
// is not sent at all, and a cancelled message leaves nothing in the queues of
// the radio. How often a PDU is repeated on the air is the radio's business.
//
// # Acknowledgments
//
// The latest Segment Acknowledgment counts, not the sum of all: a message is
// delivered when one of them lists every segment. The specification adds them
// up (section 3.5.3.3.2), which reports a message as delivered to a node that
// acknowledged its first half, restarted, and acknowledged its second half.
// Receivers list everything they have each time (section 3.5.3.4), so this
// costs nothing.
//
// # Replay protection
//
// A message is a replay when its sequence number, with the IV index in front,
// is not above the last of its source. For a segmented message the number is
// its SeqAuth, that of its first segment. A source may send an unsegmented
// message while a segmented one is under way; it then has the higher number,
// and the letter of the specification would throw the segmented one away. So
// the list also keeps the highest SeqAuth that was completed, and a segmented
// message is new when its SeqAuth is above that one and the segment itself is
// above the last. After a restart both are the stored number, which covers
// every message that was reported.
//
// The list is as long as there may be sources, and never forgets one by
// itself. When it is full, a new source is refused and counted.
package transport
