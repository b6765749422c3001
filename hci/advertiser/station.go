package advertiser

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer/lanes"
)

// Times of the station.
const (
	// jitter is the largest random delay that the link layer adds to each
	// advertising interval (volume 6 part B, section 4.4.2.2.1).
	jitter = 10 * time.Millisecond
	// patience is how long the end of a set may be overdue, in addition to
	// twice its expected duration. A radio that listens all the time may
	// advertise late.
	patience = time.Second
	// listen is the least time between two pauses of the scan: one scan
	// interval, that is, one channel.
	listen = scanInterval
	// maxAttempts is how often the sending of a PDU is attempted.
	maxAttempts = 3
)

// ErrUnended ends a session in which an advertising set did not report its end.
var ErrUnended = errors.New("advertising set did not end")

// station is the bearer on one controller for one session. Only the goroutine
// of Serve uses it.
type station struct {
	b        *Bearer
	s        *controller.Session
	info     controller.Info
	address  packet.Address // random address of everything except extended advertising sets
	slots    []slot
	scanning bool
	connectableState
	// resume is the earliest time to send after a pause of the scan.
	resume time.Time
}

// none is no PDU.
const none = lanes.Ticket(-1)

// slot is an advertising set, or the legacy advertiser.
type slot struct {
	handle   uint8
	tuned    parameters // the controller's current parameters
	until    time.Time  // legacy: the end; extended: when the end is overdue
	unusable bool       // exceeds what the controller can do at once

	// The rest is guarded by Bearer.mu.
	pdu       lanes.Ticket // the one on the air, or none
	ended     bool         // the controller has reported the end
	cancelled bool
}

// Serve runs the bearer on a controller for one session.
func (b *Bearer) Serve(ctx context.Context, s *controller.Session) error {
	st := &station{b: b, s: s, info: s.Info()}
	n := 1
	if st.info.Extended {
		n = min(st.info.Sets, b.cfg.Sets)
		if b.cfg.Connectable && st.info.Sets > 1 {
			n = min(n, st.info.Sets-1)
			st.connectableState.slot = &slot{handle: uint8(n), pdu: none}
		}
	}
	st.slots = make([]slot, n)
	for i := range st.slots {
		st.slots[i] = slot{handle: uint8(i), pdu: none}
	}
	if err := st.setUp(ctx); err != nil {
		return err
	}
	st.announce()
	b.mu.Lock()
	b.expire()
	b.station = st
	b.mu.Unlock()
	defer b.retire(st)
	return st.run(ctx)
}

// pace is the rate that the controller can send at. With the legacy commands
// nothing reports that a PDU was sent often enough, so each PDU gets the
// longest time that it can take. One that does not advertise while it scans listens
// between two PDUs.
func (st *station) pace() bearer.Pace {
	p := bearer.UsualPace()
	p.Interval = st.info.MinInterval
	if !st.info.Extended {
		p.Delay, p.End = jitter, p.Interval+jitter
	}
	if st.isExclusive() {
		p.End += listen
	}
	for i := range st.slots {
		if !st.slots[i].unusable {
			p.Parallel++
		}
	}
	return p
}

// announce makes the pace that of the controller.
func (st *station) announce() {
	pace := st.pace()
	st.b.pace.Store(&pace)
}

// retire puts the PDUs on the air back into the queue.
func (b *Bearer) retire(st *station) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.station, b.expired = nil, time.Now()
	for i := range st.slots {
		sl := &st.slots[i]
		switch {
		case sl.pdu == none:
		case sl.cancelled:
			b.queue.Done(sl.pdu)
		case sl.ended:
			b.counters.sent.Add(1)
			b.queue.Done(sl.pdu)
		default:
			b.giveBack(sl.pdu)
		}
	}
}

// giveBack puts a PDU whose sending failed back at the head of its lane. After
// several failures the PDU is dropped, because it may be what makes the
// controller fail. The caller holds the lock.
func (b *Bearer) giveBack(t lanes.Ticket) {
	if b.queue.Attempts(t) >= maxAttempts {
		b.counters.dropped.Add(1)
		b.queue.Done(t)
		return
	}
	b.counters.repeated.Add(1)
	b.queue.Return(t)
}

// cancel marks the PDUs of a lane that are on the air. The caller holds the
// lock.
func (st *station) cancel(id bearer.Lane) bool {
	for i := range st.slots {
		sl := &st.slots[i]
		if sl.pdu != none && !sl.cancelled && !sl.ended && st.b.queue.PDU(sl.pdu).Lane == id {
			sl.cancelled = true
			return true
		}
	}
	return false
}

// ended notes that a set has ended.
func (b *Bearer) ended(end packet.SetTerminated) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if end.Status == packet.StatusSuccess { // ended by a connection
		b.connectables.ended = true
		b.wake()
		return
	}
	if b.station == nil || int(end.Handle) >= len(b.station.slots) {
		return
	}
	b.station.slots[end.Handle].ended = true
	b.wake()
}

// run sends until the session is over.
func (st *station) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := st.finish(ctx); err != nil {
			return err
		}
		if err := st.serve(ctx); err != nil {
			return err
		}
		next, err := st.rest(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-st.b.kick:
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// serve puts the next PDUs on the air.
func (st *station) serve(ctx context.Context) error {
	quiet, err := st.handleRequests(ctx)
	if quiet || err != nil {
		return err
	}
	if err := st.advertise(ctx); err != nil {
		return err
	}
	return st.fill(ctx)
}

// finish frees the slots whose PDU is done.
func (st *station) finish(ctx context.Context) error {
	now := time.Now()
	for i := range st.slots {
		sl := &st.slots[i]
		st.b.mu.Lock()
		pdu, ended, cancelled := sl.pdu, sl.ended, sl.cancelled
		st.b.mu.Unlock()
		due := !now.Before(sl.until)
		switch {
		case pdu == none:
			continue
		case ended:
		case cancelled, due && !st.info.Extended:
			if err := st.stop(ctx, sl); err != nil {
				return err
			}
		case due:
			st.b.counters.unended.Add(1)
			return fmt.Errorf("advertiser: expected the end of advertising set %d, got none; it is overdue by more than %s: %w", sl.handle, patience, ErrUnended)
		default:
			continue
		}
		st.b.mu.Lock()
		if !sl.cancelled {
			st.b.counters.sent.Add(1)
		}
		st.b.queue.Done(sl.pdu)
		sl.pdu = none
		st.b.mu.Unlock()
	}
	return nil
}

// fill starts PDUs on the free slots. A controller that does not scan meanwhile
// sends a batch, then listens, then sends the next.
func (st *station) fill(ctx context.Context) error {
	if st.connectableState.on && st.inTurns() {
		return nil
	}
	if st.isExclusive() && (st.active() > 0 || !st.scanning || time.Now().Before(st.resume)) {
		return nil
	}
	for i := range st.slots {
		sl := &st.slots[i]
		if sl.unusable || sl.pdu != none {
			continue
		}
		out, ok := st.take(sl)
		if !ok {
			return nil
		}
		if err := st.send(ctx, sl, &out); err != nil {
			return err
		}
	}
	return nil
}

// take moves the next PDU from the queue to a slot.
func (st *station) take(sl *slot) (out bearer.Outgoing, ok bool) {
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	t, ok := st.b.queue.Pop()
	if !ok {
		return out, false
	}
	sl.pdu, sl.ended, sl.cancelled = t, false, false
	return *st.b.queue.PDU(t), true
}

// send puts a PDU on the air. If the controller refuses while the radio scans,
// send tries again with the scan paused. If it refuses while other sets are on
// the air, it cannot run that many.
func (st *station) send(ctx context.Context, sl *slot, out *bearer.Outgoing) error {
	if st.isExclusive() {
		if err := st.pause(ctx); err != nil {
			return err
		}
	}
	err := st.start(ctx, sl, out)
	if st.scanning && errors.Is(err, packet.StatusCommandDisallowed) {
		st.becomeExclusive()
		if err := st.pause(ctx); err != nil {
			return err
		}
		err = st.start(ctx, sl, out)
	}
	if _, refused := packet.Refused(err); refused && st.active() > 1 {
		st.b.log.Info("the controller refuses another advertising set; no more are used at a time", "error", err, "sets", st.active()-1)
		st.refused(sl)
		return nil
	}
	return err
}

// refused marks sl and the free slots as unusable. The PDU of sl then waits for
// another slot, because it did not cause the refusal.
func (st *station) refused(sl *slot) {
	defer st.announce()
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	if sl.cancelled {
		st.b.queue.Done(sl.pdu)
	} else {
		st.b.queue.Unattempted(sl.pdu)
	}
	sl.pdu = none
	for i := range st.slots {
		if st.slots[i].pdu == none {
			st.slots[i].unusable = true
		}
	}
}

// active is how many slots are in use.
func (st *station) active() int {
	n := 0
	for i := range st.slots {
		if st.slots[i].pdu != none { // only this goroutine changes it
			n++
		}
	}
	return n
}

func (st *station) isExclusive() bool {
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	return st.b.exclusive
}

// becomeExclusive notes that the controller cannot scan and advertise at the
// same time.
func (st *station) becomeExclusive() {
	st.b.log.Info("the controller does not advertise while it scans; the scan is paused for each transmission")
	defer st.announce()
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	st.b.exclusive = true
}

// rest resumes the scan when nothing is on the air. It returns the time of the
// next work, or zero.
func (st *station) rest(ctx context.Context) (next time.Time, err error) {
	if st.connectableState.silenced {
		return next, nil
	}
	next = st.nextConnectable()
	if st.active() == 0 && !st.scanning && !(st.connectableState.on && st.isExclusive()) {
		if err := st.scan(ctx, true); err != nil {
			return next, err
		}
		st.resume = time.Now().Add(listen)
	}
	if st.isExclusive() && st.active() == 0 && time.Now().Before(st.resume) {
		return earlier(next, st.resume), nil
	}
	for i := range st.slots {
		sl := &st.slots[i]
		if sl.pdu != none {
			next = earlier(next, sl.until)
		}
	}
	return next, nil
}

// earlier returns the earlier of two times. The first may be zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
