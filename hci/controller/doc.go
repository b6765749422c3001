// Package controller owns one Bluetooth controller: it speaks the command and
// event flow of the Host Controller Interface (Core, volume 4 part E, sections
// 4.4 and 4.5) over a [transport.Transport] and keeps the controller going.
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
// Nothing stalls in silence. Every command has a deadline. Data that the
// controller keeps for longer than a connection may be silent ends first the
// connection and then the session. A command without an answer, a Hardware Error event, a transport that fails or a host that
// finds the controller astray end the session. Then the controller is reset,
// or the transport opened anew if it is dead or Reset brings no answer, and a
// new session starts, in which each host sets up what it needs and goes on
// with what it had queued. That goes on, with growing pauses of some seconds
// at most, for as long as the context of [Controller.Run] lives, so that an
// adapter may be unplugged and come back.
package controller

import (
	"errors"
	"fmt"
)

// Errors that callers branch on.
var (
	// ErrUnanswered ends a session: a command had no answer in time.
	ErrUnanswered = errors.New("controller does not answer")
	// ErrHardware ends a session: the controller reported a Hardware Error.
	ErrHardware = errors.New("controller reports a hardware error")
	// ErrReset is what commands in flight get when their session ends.
	ErrReset = errors.New("controller was reset")
	// ErrUnsuitable is the end of a start with a controller without Low
	// Energy.
	ErrUnsuitable = errors.New("controller unsuitable")
)

// errNotSent is ErrReset for commands that never left.
var errNotSent = fmt.Errorf("controller: command not sent: %w", ErrReset)
