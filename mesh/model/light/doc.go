// Package light holds the light models: Lightness, CTL (lightness and colour
// temperature), HSL, xyL and LC, the light control (Mesh Model 1.1, section 6).
//
// A message has the name that section 6.3 gives it without the word Light. The
// drawings give the parameters in the order of the air with their widths in
// bits; what stands in brackets is there as a whole or not at all.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
//
// The acknowledged and the unacknowledged form of a message have one layout:
// the latter embeds the former.
package light
