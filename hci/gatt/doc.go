// Package gatt is the GATT bearers: the provisioning bearer PB-GATT (Mesh
// Protocol 1.1, sections 5.2.2 and 7.1) and the bearer of Proxy PDUs (sections
// 3.3.2 and 7.2), on LE connections that it makes and takes itself.
//
//	bearer.GATT: Connect, Write, Disconnect, Beckon     LinkEvent, Sighting
//	    |                                                    ^
//	+---v----------------------------------------------------+---+
//	| Radio: links, one goroutine each                           |
//	+---+----------------------------------------------------+---+
//	    | GATT client or server (go-ble)                     |
//	+---v----------------------------------------------------+---+
//	| guard: what may reach go-ble, and what may leave           |
//	+---+----------------------------------------------------+---+
//	    | PDUs of the Attribute Protocol                     |
//	    v                                                    |
//	  connection.Connection ─▶ controller.Pipe ─▶ controller ┘
//
// A service has two characteristics: by Data In the client writes without a
// response, by Data Out the server notifies.
//
//	service              Data In   Data Out
//	0x1827 provisioning  0x2ADB    0x2ADC
//	0x1828 proxy         0x2ADD    0x2ADE
//
// The Attribute Protocol and GATT are go-ble's (linux/att and linux/gatt), which
// trust their peer: a notification of one octet ends the process, a response of
// the wrong shape panics or loops. So nothing reaches them that the guard has not
// looked at, and a peer that breaks the rules is disconnected. This is the one
// package that imports go-ble.
package gatt

import (
	"errors"
	"sync"

	logxi "github.com/mgutz/logxi/v1"
)

// Errors that callers branch on.
var (
	// ErrRules is the end of a link with a peer that breaks the rules of the
	// Attribute Protocol.
	ErrRules = errors.New("the peer breaks the rules of the Attribute Protocol")
	// ErrService is for a peer that does not have what was asked for.
	ErrService = errors.New("the peer does not have the service")
	// ErrTimeout is for a link that was not ready in time.
	ErrTimeout = errors.New("not ready in time")
	// ErrRoom is for a link more than there can be.
	ErrRoom = errors.New("no room for another connection")
	// ErrRadio is for a link without a controller that works.
	ErrRadio = errors.New("the radio does not work")
	// ErrUnsubscribed is the end of a link whose client wants no more
	// notifications.
	ErrUnsubscribed = errors.New("the peer has unsubscribed")
)

// silence keeps go-ble's logger from writing PDUs to standard output.
var silence = sync.OnceFunc(func() { logxi.Suppress(true) }) //nolint:gochecknoglobals // the library's switch is a global, too
