// Package health implements the Health models (Mesh Protocol 1.1.1, chapter 4):
// the messages of section 4.3.3 and the Health Server of section 4.4.3. A
// device reports its faults, runs self-tests, and attracts attention for some
// seconds.
//
//	| opcode | TestID 8 | CompanyID 16 | FaultArray, 8 each |   Health Current Status
//
// Present faults are published. A fault that was present stays registered until
// a Fault Clear:
//
//	self-test ──▶ present faults ──▶ registered faults ── Fault Clear ──▶ none
package health
