//go:build !unix

package main

// nonblocking is not needed where files are no pipes.
const nonblocking = 0
