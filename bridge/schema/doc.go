// Package schema describes JSON payloads by the Go types that they are read into
// or written from. The description is a JSON Schema (draft 2020-12) and the only
// one there is: the check of a payload, the redaction for the log and the tables
// of the documentation read it.
//
//	                  ┌ Decode    payload -> Go value, with errors for people
//	Go type ─▶ Type ──┼ Redact    payload -> what a log may show of it
//	(with tags)       ├ Schema    JSON Schema, for programs and forms
//	                  └ Markdown  table of the fields, for the documentation
//
// # Tags
//
// A field is named by its json tag. These tags describe it further:
//
//	doc       what the field means, a phrase without a full stop
//	unit      what a number counts: seconds, octets
//	min, max  the smallest and the largest number
//	most      the largest number of items of a list
//	enum      the allowed texts, separated by commas
//	expect    what is expected, for errors, where the other tags do not say it
//	default   the value when the field is left out, as JSON; a text in quotes
//	types     the JSON types of a json.RawMessage, separated by commas
//	format    the format of a text: uuid, date-time
//	required  true: Decode demands the field; handler: whoever handles the
//	          value demands it, with an error of its own
//	secret    true: never shown in a log
//
// A field that is null counts as left out; so does an empty text, which is how
// forms leave something out.
//
// Types of package mesh (UUID, address, opcode, model) are known here. Other
// types that write themselves as text are texts.
package schema
