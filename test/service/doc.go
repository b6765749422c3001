// Package service tests the program as its user has it: the binary, started with
// arguments, between a broker and a virtual radio. What is tested below that,
// the session with the broker for one, has tests of its own.
package service
