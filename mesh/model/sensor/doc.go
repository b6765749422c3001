// Package sensor contains the sensor models (Mesh Model 1.1, section 4).
//
// A message has its name from section 4.2 without the word Sensor. The drawings
// show the parameters in the order on the air with their widths in bits. A part
// in brackets is either present as a whole or absent.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
//
// Values are raw octets here; package property explains them.
package sensor
