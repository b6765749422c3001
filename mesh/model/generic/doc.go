// Package generic contains the generic models: OnOff, Level, Default Transition
// Time, Power OnOff, Power Level, Battery, Location and Properties (Mesh Model
// 1.1, section 3).
//
// A message has its name from section 3.2 without the word Generic. The
// drawings show the parameters in the order on the air with their widths in
// bits. A part in brackets is either present as a whole or absent.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
//
// The acknowledged and the unacknowledged form of a message have the same
// layout: the latter embeds the former.
package generic
