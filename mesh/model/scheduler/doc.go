// Package scheduler holds the messages of the Scheduler models (Mesh Model 1.1,
// section 5). A message has the name that section 5.2.3 gives it without the
// word Scheduler.
//
//	+--------+-----------------------------+
//	| opcode | parameters in little endian |
//	+--------+-----------------------------+
package scheduler
