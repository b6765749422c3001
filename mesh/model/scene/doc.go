// Package scene holds the messages of the Scene models (Mesh Model 1.1, section
// 5). A message has the name that section 5.2.2 gives it without the word
// Scene.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
package scene
