// Package access is the access layer: opcodes, messages and models (Mesh
// Protocol 1.1, section 3.7).
//
//	+--------+------------------------------+
//	| opcode | parameters                   |
//	| 1 to 3 | 0 to 379 octets              |
//	+--------+------------------------------+
//
// A message is a struct that describes its layout once, in a method that visits
// its fields with a Codec. The same visit decodes the fields from octets,
// encodes them, and reads and writes them as JSON:
//
//	func (m *LevelSet) Fields(c *access.Codec) {
//		c.Int16("level", &m.Level)
//		c.Uint8("tid", &m.TID)
//	}
//
// Values are little-endian on the air. Fields narrower than an octet fill it
// from the least significant bit. JSON names are in snake_case.
package access
