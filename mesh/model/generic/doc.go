// Package generic holds the generic models: OnOff, Level, Default Transition
// Time, Power OnOff, Power Level, Battery, Location and Properties (Mesh Model
// 1.1, section 3).
//
// A message has the name that section 3.2 gives it without the word Generic.
// The drawings give the parameters in the order of the air with their widths
// in bits; what stands in brackets is there as a whole or not at all.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
//
// The acknowledged and the unacknowledged form of a message have one layout:
// the latter embeds the former.
package generic
