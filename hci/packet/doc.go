// Package packet is the codec of the Host Controller Interface: the commands
// that this project sends and the events that it understands (Core 5.4, volume
// 4 part E), framed as H4 packets (volume 4 part A).
//
//	             +------+-------------------------------------------+
//	H4           | type | packet                                    |
//	             +------+-----------+--------+----------------------+
//	command      | 0x01 | opcode  2 | len  1 | parameters, 0..255   |
//	ACL data     | 0x02 | handle  2 | len  2 | data, 0..65535       |
//	SCO data     | 0x03 | handle  2 | len  1 | data, 0..255         |
//	event        | 0x04 | code    1 | len  1 | parameters, 0..255   |
//	ISO data     | 0x05 | handle  2 | len  2 | data, 0..16383       |
//	             +------+-----------+--------+----------------------+
//
// All numbers are little-endian. Commands are values that encode themselves.
// Events are views of the received octets, so that decoding allocates nothing.
// The controller is not trusted: every decoder checks lengths first. Its error
// wraps [ErrMalformed].
package packet

import "errors"

// ErrMalformed is wrapped by every error about octets that do not decode.
var ErrMalformed = errors.New("malformed packet")
