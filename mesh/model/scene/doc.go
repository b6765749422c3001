// Package scene contains the messages of the Scene models (Mesh Model 1.1,
// section 5). A message has its name from section 5.2.2 without the word Scene.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
package scene
