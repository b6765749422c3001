// Package clock holds the messages of the Time models (Mesh Model 1.1, section
// 5); it is not called time because the standard library has that name. A
// message has the name that section 5.2.1 gives it without the word Time.
// Numbers that are sent with an offset or in steps are plain here: seconds,
// minutes, milliseconds.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
package clock
