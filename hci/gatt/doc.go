// Package gatt contains the GATT bearers: the provisioning bearer PB-GATT (Mesh
// Protocol 1.1, sections 5.2.2 and 7.1) and the bearer of Proxy PDUs (sections
// 3.3.2 and 7.2). It makes and accepts the LE connections itself.
//
//	bearer.GATT: Connect, Write, Disconnect, Advertise     LinkEvent, Sighting
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
// A service has two characteristics. The client writes to Data In without a
// response; the server notifies with Data Out.
//
//	service              Data In   Data Out
//	0x1827 provisioning  0x2ADB    0x2ADC
//	0x1828 proxy         0x2ADD    0x2ADE
//
// The Attribute Protocol and GATT come from go-ble (linux/att and linux/gatt),
// which trusts its peer: a notification of one octet ends the process, and a
// malformed response panics or loops. So the guard checks every PDU before
// go-ble sees it, and a peer that violates the protocol is disconnected. Only
// this package imports go-ble.
package gatt

import (
	"errors"
	"sync"

	logxi "github.com/mgutz/logxi/v1"
)

// Errors that callers branch on.
var (
	// ErrRules ends a link with a peer that violates the Attribute Protocol.
	ErrRules = errors.New("the peer violates the Attribute Protocol")
	// ErrService is returned if the peer does not have the service.
	ErrService = errors.New("the peer does not have the service")
	// ErrTimeout is returned for a link that was not ready in time.
	ErrTimeout = errors.New("not ready in time")
	// ErrRoom is returned when there are too many connections.
	ErrRoom = errors.New("no room for another connection")
	// ErrRadio ends links when the controller fails, and is returned while
	// there is none.
	ErrRadio = errors.New("the radio does not work")
	// ErrUnsubscribed ends a link whose client has unsubscribed.
	ErrUnsubscribed = errors.New("the peer has unsubscribed")
)

// silence stops go-ble's logger from writing PDUs to standard output.
var silence = sync.OnceFunc(func() { logxi.Suppress(true) }) //nolint:gochecknoglobals // the library's switch is global
