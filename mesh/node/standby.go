package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// This file is what a Node does while its store fails, or takes seconds. The core has
// put out something that must be stored before anything else happens, so its goroutine
// waits. Another one, the standby, takes its calls meanwhile:
//
//	drive    input ─▶ core ─▶ persist ┄┄┄┄┄┄┄ the store hangs ┄┄┄┄┄┄▶ send, report
//	standby                         └─▶ reads: answered   calls: refused
//
// The core belongs to drive, except while standby.held is set: then the standby may
// read it. Where nothing has to be stored, and where the store does its work in time,
// the standby sleeps, and costs two uncontended locks for each write.

const (
	// storeAgain is the time between two attempts to store something.
	storeAgain = time.Second
	// shortWrite is how long a write takes that calls wait for, though the store was in
	// trouble a moment ago.
	shortWrite = 500 * time.Millisecond
	// giveUpAfter is how long calls that have begun wait for the store. It is more than
	// a slow write takes: their outcome is worth waiting for.
	giveUpAfter = 10 * time.Second
	// stopAfter is how long Run waits for the store when it is to end.
	stopAfter = 2 * time.Second
)

// standby is what drive and the standby share.
type standby struct {
	store *watch.Store
	// attention wakes the standby: the store is in trouble, or drive begins to write
	// while it is.
	attention chan struct{}
	// released tells the standby that drive goes on.
	released chan struct{}

	mu       sync.Mutex
	held     bool      // drive is in the store
	troubled time.Time // since when, if the store was in trouble already; else zero
	attended bool      // the standby has seen that
	since    time.Time // when it has
	left     bool      // Run has not waited for drive

	// gone are requests whose callers have got an error already. Like what waits for the
	// core, they are the standby's while held is set, and drive's otherwise.
	gone map[RequestID]bool
}

func newStandby(s store.Store) standby {
	attention := make(chan struct{}, 1)
	watched := watch.Of(s)
	watched.Watch(func(err error) {
		if err != nil {
			signal(attention)
		}
	})
	return standby{store: watched, attention: attention, released: make(chan struct{}, 1)}
}

// signal sets a flag that is a channel with room for one.
func signal(flag chan<- struct{}) {
	select {
	case flag <- struct{}{}:
	default: // it is set
	}
}

// persist tries until the store takes what must be in it: without it nothing may be
// sent and nothing acted on. It reports false when ctx ended before.
func (n *Node) persist(ctx context.Context, out *Output) bool {
	s := &n.standby
	s.mu.Lock()
	s.held, s.troubled = true, time.Time{}
	if s.store.Trouble() != nil {
		s.troubled = time.Now()
		signal(s.attention)
	}
	s.mu.Unlock()
	kept := n.keep(ctx, out)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	if s.attended {
		s.attended = false
		signal(s.released)
		if time.Since(s.since) >= watch.Late {
			n.discard() // it is too old to be acted on
		}
	}
	return kept && !s.left
}

// keep is persist without the standby.
func (n *Node) keep(ctx context.Context, out *Output) bool {
	for Keep(n.standby.store, out) != nil { // the store tells what is wrong
		select {
		case <-ctx.Done():
			return false
		case <-time.After(storeAgain):
		}
	}
	return true
}

// discard drops and counts what was received while the store was waited for, as a
// radio does that is too slow.
func (n *Node) discard() {
	n.missed.Add(uint64(n.received.clear()))
	for {
		select {
		case <-n.sightings:
		default:
			return
		}
	}
}

// standBy sleeps until the store is in trouble, and then takes the calls until drive is
// back. It returns when drive has ended, or does not end although ctx has.
func (n *Node) standBy(ctx context.Context, driven <-chan struct{}) {
	for {
		select {
		case <-driven:
			return
		case <-n.standby.attention:
			n.standIn(ctx, driven)
		case <-ctx.Done():
			n.leave(driven)
			return
		}
	}
}

// standIn takes the calls while drive is in the store for long.
func (n *Node) standIn(ctx context.Context, driven <-chan struct{}) {
	giveUp := time.NewTimer(giveUpAfter)
	defer giveUp.Stop()
	for n.isLong(ctx, driven) {
		for released := false; !released && n.attend(); {
			select {
			case c := <-n.calls:
				n.answer(ctx, driven, c)
			case <-n.standby.released:
				released = true
			case <-giveUp.C:
				n.giveUp()
			case <-driven:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// isLong waits for a short write, and reports whether drive is still in the store then. A
// store that was too slow once is watched for some seconds, and what follows must not be
// refused because of one write.
func (n *Node) isLong(ctx context.Context, driven <-chan struct{}) bool {
	for n.attend() {
		n.standby.mu.Lock()
		left := n.standby.short()
		n.standby.mu.Unlock()
		if left <= 0 {
			return true
		}
		select {
		case <-time.After(left):
		case <-n.standby.released: // drive may be in the store again
		case <-driven:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// short is for how much longer the write may be a short one, for a caller that holds mu.
// One that has brought the store into trouble is none.
func (s *standby) short() time.Duration {
	if s.troubled.IsZero() {
		return 0
	}
	return shortWrite - time.Since(s.troubled)
}

// attend reports whether drive is in a store in trouble, and notes that it is attended.
func (n *Node) attend() bool {
	s := &n.standby
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held || s.store.Trouble() == nil {
		return false // the next trouble wakes the standby again
	}
	s.see()
	return true
}

// see notes that drive is in the store, for a caller that holds mu.
func (s *standby) see() {
	if !s.attended {
		s.attended, s.since = true, time.Now()
	}
}

// answer runs a call that only reads, and refuses any other. It returns the call to
// drive if that is back.
func (n *Node) answer(ctx context.Context, driven <-chan struct{}, c call) {
	for !n.answered(c) {
		select {
		case n.calls <- c:
			return
		default: // there is no room
		}
		select {
		case n.calls <- c:
			return
		case <-n.standby.attention: // drive is in the store again
		case <-driven:
			return // the node has stopped, which tells the caller
		case <-ctx.Done():
			return
		}
	}
}

// answered is answer while drive is in the store for long; it reports false when that is not so.
func (n *Node) answered(c call) bool {
	s := &n.standby
	s.mu.Lock()
	defer s.mu.Unlock()
	trouble := s.store.Trouble()
	if !s.held || trouble == nil || s.short() > 0 {
		return false
	}
	refused := fmt.Errorf("node: nothing can be sent or changed now: %w", trouble)
	switch {
	case c.reads():
		c.run(time.Now(), n.core)
	case c.done != nil:
		c.done <- RequestDone{Err: refused} // has room for one
	default:
		c.refuse(refused)
	}
	s.see()
	return true
}

// giveUp ends the calls that wait for something that the core has begun. The core goes
// on with it when the store takes its output; requests are cancelled then.
func (n *Node) giveUp() {
	s := &n.standby
	s.mu.Lock()
	defer s.mu.Unlock()
	trouble := s.store.Trouble()
	if !s.held || trouble == nil {
		return
	}
	err := fmt.Errorf("node: it is not known what came of it: %w", trouble)
	for id, done := range n.waiting {
		done <- RequestDone{ID: id, Err: err}
		s.forget(id)
	}
	for uuid, done := range n.provisioning {
		done <- ProvisioningDone{UUID: uuid, Err: err}
	}
	for uuid, done := range n.refreshing {
		done <- RefreshDone{UUID: uuid, Err: err}
	}
	clear(n.waiting)
	clear(n.provisioning)
	clear(n.refreshing)
}

// forget notes that nobody waits for a request any more.
func (s *standby) forget(id RequestID) {
	if s.gone == nil {
		s.gone = map[RequestID]bool{}
	}
	s.gone[id] = true
}

// catchUp cancels the requests whose callers have gone meanwhile. It reports false when
// ctx ended before the store took what that put out.
func (n *Node) catchUp(ctx context.Context) bool {
	for len(n.standby.gone) > 0 {
		ids := slices.Collect(maps.Keys(n.standby.gone))
		for _, id := range ids {
			n.core.CancelRequest(time.Now(), id)
		}
		if !n.carryOut(ctx, n.core.Take()) {
			return false
		}
		for _, id := range ids {
			delete(n.standby.gone, id)
		}
	}
	return true
}

// cancelRequest ends a request whose caller has gone. The standby may have put the
// request behind this call. The node may be stopping as well, then nobody waits for the
// answer.
func (n *Node) cancelRequest(ctx context.Context, q *queuedRequest) {
	done := make(chan struct{})
	_ = n.await(ctx, done, new(error), call{
		run: func(now time.Time, c *Core) {
			defer close(done)
			q.gone = true
			c.CancelRequest(now, q.id)
		},
		refuse: func(error) {
			defer close(done)
			q.gone = true
			if _, waits := n.waiting[q.id]; waits {
				delete(n.waiting, q.id)
				n.standby.forget(q.id)
			}
		},
	})
}

// leave waits for drive, but not for a store that hangs: then what it was to take is
// lost, and was neither sent nor reported.
func (n *Node) leave(driven <-chan struct{}) {
	patience := time.NewTicker(stopAfter)
	defer patience.Stop()
	for {
		select {
		case <-driven:
			return
		case <-patience.C:
		}
		s := &n.standby
		s.mu.Lock()
		s.left = s.held
		left := s.left
		s.mu.Unlock()
		if left {
			return
		}
	}
}
