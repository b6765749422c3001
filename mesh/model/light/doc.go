// Package light contains the light models: Lightness, CTL (lightness and colour
// temperature), HSL, xyL and LC, the light control (Mesh Model 1.1, section 6).
//
// A message has its name from section 6.3 without the word Light. The drawings
// show the parameters in the order on the air with their widths in bits. A part
// in brackets is either present as a whole or absent.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
//
// The acknowledged and the unacknowledged form of a message have the same
// layout: the latter embeds the former.
package light
