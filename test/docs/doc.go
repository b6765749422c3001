// Package docs tests the documentation: README.md and every page of docs.
//
//	page ─ goldmark ─▶ blocks, links, headings
//	blocks ─ in order ─▶ bash, the demo, its broker ─▶ run, or not run and why
//
// Every fenced block has a language. A block of the language text is output or
// a drawing and is not run. A comment directly before a block, which readers do
// not see, says how the block is checked:
//
//	language  comment                      the block
//	sh        none                         runs under bash -e and succeeds
//	sh        until: REGEXP                is interrupted when its output matches
//	sh        serve: REGEXP                serves the blocks below it, in place of
//	                                       the demo; ready when its output matches
//	json      publish: TOPIC               is published and answered with "ok"
//	json      publish: TOPIC error CODE    is published and refused with this code
//	json      shows: TOPIC                 is what a message of the topic looks like:
//	                                       all keys are there, the types agree
//	any       file: NAME                   becomes a file for the blocks below it
//	any       not run: REASON              is counted with its reason
//
// The blocks of one page share a folder, which is a copy of the sources, and
// the demo, which starts when a block needs it. A block that runs the demo, the
// service or a network command itself runs alone. The documented addresses and
// ports are used unchanged, in a network namespace of the test.
package docs
