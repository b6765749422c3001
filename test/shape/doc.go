// Package shape checks that packages and types stay small enough to be read. Its
// test prints the table:
//
//	go test -v -run TestShape ./test/shape
//
//	| package | lines |
//	| type    | methods | fields |
package shape
