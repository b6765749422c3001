// Package controller owns one Bluetooth controller. It implements the command
// and event flow of the Host Controller Interface (Core, volume 4 part E,
// sections 4.4 and 4.5) over a [transport.Transport] and recovers the
// controller when it fails.
//
//	Hosts:  advertising bearer, ...        any goroutine
//	          |  Serve, Event                |  Controller.Do
//	+---------v------------------------------v---------+
//	| Session: from one Reset of the controller to its |
//	| failure; commands, credits, deadlines; Pipes for |
//	| the data of connections                          |
//	+---------+------------------------------^---------+
//	          | commands                     | events, one reader goroutine
//	+---------v------------------------------+---------+
//	| link: one open transport                         |
//	+--------------------------------------------------+
//
// Malformed packets are counted and logged, at most once a minute as a warning,
// and change nothing else. If one arrives instead of the answer to a command, the
// command is sent again.
//
// No failure goes unnoticed. Every command has a deadline. If the controller
// keeps data for longer than a connection may be silent, first the connection
// is ended and then the session. A session also ends with a command that is not
// answered, a Hardware Error event, a transport that fails, or a host that
// finds the controller in an unknown state. Then the controller is reset, or
// the transport is opened again if it is dead or the Reset is not answered. A
// new session starts, in which each host sets up what it needs and continues
// with its queue. This repeats, with pauses that grow to some seconds, as long
// as the context of [Controller.Run] lives. An adapter may therefore be
// unplugged and plugged in again.
package controller

import (
	"errors"
	"fmt"
)

// Errors that callers branch on.
var (
	// ErrUnanswered ends a session: a command was not answered in time.
	ErrUnanswered = errors.New("controller does not answer")
	// ErrHardware ends a session: the controller reported a Hardware Error.
	ErrHardware = errors.New("controller reports a hardware error")
	// ErrGarbled is the error of a command that was not answered while a
	// malformed packet arrived, which probably was the answer.
	ErrGarbled = errors.New("the answer was malformed")
	// ErrReset is the error of commands in flight when their session ends.
	ErrReset = errors.New("controller was reset")
	// ErrUnsuitable is returned for a controller without Low Energy.
	ErrUnsuitable = errors.New("controller unsuitable")
)

// errNotSent is ErrReset for commands that were never sent.
var errNotSent = fmt.Errorf("controller: command not sent: %w", ErrReset)
