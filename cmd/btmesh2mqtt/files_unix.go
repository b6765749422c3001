//go:build unix

package main

import "syscall"

// nonblocking opens a named pipe without waiting for its other end.
const nonblocking = syscall.O_NONBLOCK
