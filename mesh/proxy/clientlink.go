package proxy

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// linkPhase is the state of a client's connection.
type linkPhase uint8

const (
	connecting linkPhase = iota
	settingUp            // the filter is being set up, step by step
	keeping              // the filter is as required
	asking               // checking the filter
	ending               // Disconnect was requested
	gone                 // closed
)

// clientLink is a client's connection to one proxy.
type clientLink struct {
	id       bearer.LinkID
	to       Candidate
	phase    linkPhase
	opened   time.Time // zero: not yet
	reason   error     // the proxy caused the end; nil: it did not
	deadline time.Time

	proven    bool // it has answered with the key
	delivered bool // it has brought a message of the network

	wish     FilterState
	step     int // of the setup, 0 for the type
	tries    int // of the current message
	pending  int // answers that may still arrive for earlier messages
	setups   int // setups with a wrong result
	fallback bool
}

// setUp sets up the filter from the start.
func (l *clientLink) setUp(now time.Time, w FilterState, out *ClientOutput) {
	if l.fallback {
		w.Type = RejectList
	}
	l.pending += l.tries
	l.phase, l.wish, l.step, l.tries = settingUp, w, 0, 0
	l.ask(now, out)
}

// list returns the addresses that the filter must have.
func (l *clientLink) list() []mesh.Address {
	if l.wish.Type == RejectList {
		return nil // everything is forwarded
	}
	return l.wish.Addresses
}

// steps is how many messages the setup takes.
func (l *clientLink) steps() int {
	return 1 + (len(l.list())+AddressesPerMessage-1)/AddressesPerMessage
}

// ask sends the current message, for the first time or again.
func (l *clientLink) ask(now time.Time, out *ClientOutput) {
	l.tries++
	l.deadline = now.Add(statusTimeout)
	out.Configure = append(out.Configure, Configure{l.id, l.to.NetKey, l.message()})
}

// message returns the next message. If the filter is complete, it is one that
// changes nothing.
func (l *clientLink) message() Message {
	list := l.list()
	switch {
	case l.phase == asking && l.wish.Type == RejectList:
		return RemoveAddresses{l.wish.Addresses[:min(1, len(l.wish.Addresses))]}
	case l.phase == asking:
		return AddAddresses{list[:min(1, len(list))]}
	case l.step == 0:
		return SetFilterType{l.wish.Type}
	default:
		from := (l.step - 1) * AddressesPerMessage
		return AddAddresses{list[from:min(from+AddressesPerMessage, len(list))]}
	}
}

// answered takes a Filter Status, and reports whether it has the expected
// content.
func (l *clientLink) answered(now time.Time, s FilterStatus, out *ClientOutput) bool {
	if !l.fits(s) {
		// A repeated message may be answered twice.
		if l.pending > 0 {
			l.pending--
			return true
		}
		return false
	}
	l.pending, l.tries = l.pending+max(l.tries-1, 0), 0
	if l.phase == settingUp {
		if l.step++; l.step < l.steps() {
			l.ask(now, out)
			return true
		}
		l.setups = 0
	}
	l.phase, l.deadline = keeping, now.Add(keepInterval)
	return true
}

// fits reports whether a Filter Status is right for the state of the
// connection. During the setup the server may have more addresses than it was
// sent: it adds the sources of this node's messages, which sooner or later are
// in the list anyway.
func (l *clientLink) fits(s FilterStatus) bool {
	size, whole := int(s.Size), len(l.list())
	least := whole
	if l.phase == settingUp && l.step < l.steps()-1 {
		least = l.step * AddressesPerMessage
	}
	return s.Type == l.wish.Type && size >= least && size <= whole
}

// repair sets up a filter again after a wrong result. A list that never
// succeeds may be longer than the proxy's room: the filter is then set to
// forward everything. A proxy that cannot do that either is unusable.
func (l *clientLink) repair(now time.Time, w FilterState, out *ClientOutput) {
	l.tries = 0
	l.setups++
	if l.setups >= setupTries {
		if l.wish.Type == RejectList {
			l.fail(now, ErrFilter, out)
			return
		}
		l.fallback, l.setups = true, 0
	}
	l.setUp(now, w, out)
}

func (l *clientLink) tick(now time.Time, out *ClientOutput) {
	switch l.phase {
	case connecting:
		l.fail(now, ErrConnect, out)
	case keeping:
		l.phase, l.tries = asking, 0
		l.ask(now, out)
	case settingUp, asking:
		if l.tries >= statusTries {
			l.fail(now, ErrStatus, out)
			return
		}
		l.ask(now, out)
	default:
		l.phase, l.deadline = gone, time.Time{}
	}
}

// mute drops a proxy that forwards nothing.
func (l *clientLink) mute(now time.Time, out *ClientOutput) { l.fail(now, ErrMute, out) }

// fail drops a proxy for a reason.
func (l *clientLink) fail(now time.Time, reason error, out *ClientOutput) {
	if l.phase == ending || l.phase == gone {
		return
	}
	l.reason = reason
	l.end(out)
	l.deadline = now.Add(statusTimeout)
}

// end requests the end of the connection. Closed follows.
func (l *clientLink) end(out *ClientOutput) {
	if l.phase == ending || l.phase == gone {
		return
	}
	l.phase, l.deadline = ending, time.Time{}
	out.Disconnect = append(out.Disconnect, l.id)
}
