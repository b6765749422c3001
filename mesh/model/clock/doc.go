// Package clock contains the messages of the Time models (Mesh Model 1.1,
// section 5). It is not called time because the standard library uses that
// name. A message has its name from section 5.2.1 without the word Time.
// Numbers that are sent with an offset or in steps are plain here: seconds,
// minutes, milliseconds.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
package clock
