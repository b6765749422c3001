// Package network is the network layer (Mesh Protocol 1.1, section 3.4): it
// seals and opens network PDUs and tells new ones from repeats.
//
// A network PDU has 14 to 29 octets, all numbers big endian:
//
//	+-----+-----+-----+-----+-----+-----+-----+---------------+--------+
//	| IVI | NID | CTL | TTL | SEQ | SRC | DST | transport PDU | NetMIC |
//	+-----+-----+-----+-----+-----+-----+-----+---------------+--------+
//	bit 1    7     1     7    24    16    16    8 to 128        32 (CTL 0)
//	                                            8 to  96        64 (CTL 1)
//	            |<---- obfuscated ----->|<------- encrypted --------->|
//
// IVI is the lowest bit of the IV index and NID seven bits derived from the
// NetKey; they are in the clear. A receiver therefore works from cheap to
// dear and stops as soon as it can (Receiver.Open). On the air most PDUs are
// copies of one that came before: repeated by their source, and relayed with
// another TTL by its neighbours.
package network
