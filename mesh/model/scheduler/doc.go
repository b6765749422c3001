// Package scheduler contains the messages of the Scheduler models (Mesh Model
// 1.1, section 5). A message has its name from section 5.2.3 without the word
// Scheduler.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
package scheduler
