// Package sensor holds the sensor models (Mesh Model 1.1, section 4).
//
// A message has the name that section 4.2 gives it without the word Sensor.
// The drawings give the parameters in the order of the air with their widths
// in bits; what stands in brackets is there as a whole or not at all.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
//
// Values are raw octets here; package property says what they mean.
package sensor
