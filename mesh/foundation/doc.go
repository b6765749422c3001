// Package foundation holds the foundation models: Configuration and Health
// (Mesh Protocol 1.1, section 4).
//
// Each message is a struct with the name and the fields of section 4.3. The
// drawings above them give the parameters in the order of the air with their
// widths in bits; within an octet the field that is named first has the least
// significant bits.
//
//	+--------+------------+------------------+-----------+
//	| opcode | parameters in little endian               |
//	+--------+------------+------------------+-----------+
//
// Configuration messages are encrypted with the device key of the node that
// is configured, Health messages with an application key or the device key.
package foundation
