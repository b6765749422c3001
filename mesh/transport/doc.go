// Package transport is the lower and the upper transport layer of one node
// (Mesh Protocol 1.1, sections 3.5 and 3.6) with the message replay protection
// list (section 3.9.8). It converts lower transport PDUs to access messages and
// transport control messages, and back.
//
// A Layer is a pure state machine. Time is an argument, sequence numbers and
// keys come through two small interfaces, and the results are returned in an
// Output. It has no clock, no goroutine and no randomness, and belongs to one
// goroutine.
//
// The first octet of a lower transport PDU, together with CTL of the network
// PDU, selects one of four formats. All numbers are big-endian:
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
// Opcode 0 with SEG 0 is the Segment Acknowledgment, which is handled entirely
// in this package:
//
//	+---+---+-----+---------+-----+---------------+
//	| 0 | 0 | OBO | SeqZero | RFU | AckedSegments |
//	+---+---+-----+---------+-----+---------------+
//	  1   7    1      13       2         32
//
// The upper transport access PDU is the access message encrypted with an
// application or device key, followed by its TransMIC of 32 or 64 bits.
//
// # Spacing of segments
//
// The Layer emits one segment at a time, one segment interval apart, and not
// the whole message for the radio to space. So a segment takes its sequence
// number when it is sent: messages that are sent meanwhile keep the numbers of
// one source in order on the air, a segment that was acknowledged before its
// turn is not sent at all, and a canceled message leaves nothing in the queues
// of the radio. The radio handles the repetitions of a PDU on the air.
//
// # Acknowledgments
//
// The latest Segment Acknowledgment counts, not the union of all: a message is
// delivered when one of them lists every segment. The specification combines
// them (section 3.5.3.3.2). That reports a message as delivered to a node that
// acknowledged its first half, restarted, and acknowledged its second half.
// Receivers list everything they have each time (section 3.5.3.4), so this
// costs nothing.
//
// # Replay protection
//
// A message is a replay if its sequence number, preceded by the IV index, is
// not above the last of its source. For a segmented message the number is its
// SeqAuth, that of its first segment. A source may send an unsegmented message
// while a segmented one is being sent; it then has the higher number, and a
// literal implementation of the specification would drop the segmented one. So
// the list also contains the highest SeqAuth that was completed. A segmented
// message is new if its SeqAuth is above that one and the segment itself is
// above the last. After a restart both have the stored number, which covers
// every message that was reported.
//
// The list has room for as many sources as configured, and never removes one by
// itself. When it is full, new sources are rejected and counted.
package transport
