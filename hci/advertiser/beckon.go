package advertiser

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Times of connectable advertisements.
const (
	beckonInterval = 150 * time.Millisecond
	// beckonTurn is how long one of several is advertised before the next is.
	beckonTurn = time.Second
	// slice is how long a connectable advertisement stays on the air at least
	// where it shares the radio with mesh PDUs: one advertising event follows
	// at once, and a peer may answer it.
	slice = 30 * time.Millisecond
	// sliceEvery is how often it gets its slice while mesh PDUs wait.
	sliceEvery = 500 * time.Millisecond
	// beckonPause is how long a controller is left alone that refused.
	beckonPause = 5 * time.Second
)

// beckon is a connectable advertisement.
type beckon struct {
	packet.Advertisement
	address packet.Address
}

func (a *beckon) same(o *beckon) bool { return bytes.Equal(a.Data, o.Data) && a.Private == o.Private }

// beckons is the connectable advertisements, guarded by Bearer.mu.
type beckons struct {
	all     []beckon
	version int  // counts the changes of all
	ended   bool // the controller stopped one, for a peer has connected

	hush    bool          // the radio is to be quiet
	hushed  chan struct{} // closed when it is
	hushing chan struct{} // room for one: who asked for it
}

// Beckon sets the connectable advertisements that are sent in turn from now on.
// Each goes on being sent from the same address, which is a static random one or,
// if it is private, a non-resolvable private one; a controller with only the
// legacy commands has its public address instead of the static one. They go on
// beside the mesh PDUs, in a set of their own if the controller has one to
// spare (Config.Connectable), and in turns with them otherwise. A connection
// ends the advertisement of the moment, which then begins anew. It may be called
// from the Event of another host.
func (b *Bearer) Beckon(all []packet.Advertisement) error {
	next := make([]beckon, 0, len(all))
	for _, a := range all {
		if len(a.Data) == 0 || len(a.Data) > packet.MaxLegacyData {
			return fmt.Errorf("advertiser: expected a connectable advertisement of 1 to %d octets, got %d: %w", packet.MaxLegacyData, len(a.Data), ErrPDU)
		}
		var random [6]byte
		if _, err := io.ReadFull(b.cfg.Random, random[:]); err != nil {
			return fmt.Errorf("advertiser: expected random octets for an address, got: %w", err)
		}
		a.Data = bytes.Clone(a.Data)
		address := packet.StaticRandom(random)
		if a.Private {
			address = packet.NonResolvable(random)
		}
		next = append(next, beckon{a, address})
	}
	b.mu.Lock()
	same := len(next) == len(b.beckons.all)
	for i := range next {
		same = same && next[i].same(&b.beckons.all[i])
		for _, old := range b.beckons.all {
			if old.same(&next[i]) {
				next[i].address = old.address // it goes on being who it was
			}
		}
	}
	if !same {
		b.beckons.all = next
		b.beckons.version++
	}
	b.mu.Unlock()
	if !same {
		b.wake()
	}
	return nil
}

// Hush makes the radio quiet, for controllers that can do nothing else while
// they connect: what is on the air is finished, then nothing is sent and the
// scan rests until the caller calls resume. One caller at a time gets it. With
// the context ends the waiting, not the quiet.
func (b *Bearer) Hush(ctx context.Context) (resume func(), err error) {
	select {
	case b.beckons.hushing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	hushed := make(chan struct{})
	b.mu.Lock()
	b.beckons.hush, b.beckons.hushed = true, hushed
	b.mu.Unlock()
	b.wake()
	resume = func() {
		b.mu.Lock()
		b.beckons.hush = false
		b.mu.Unlock()
		b.wake()
		<-b.beckons.hushing
	}
	select {
	case <-hushed:
		return resume, nil
	case <-ctx.Done():
		resume()
		return nil, context.Cause(ctx)
	}
}

// beckoning is what of the connectable advertisements is on the air. It is the
// station's own.
type beckoning struct {
	slot     *slot // of which set; nil in turns, for there it is the first slot
	on       bool
	version  int
	at       int       // which of them
	until    time.Time // end of its turn, or of its slice
	last     time.Time // end of the last slice
	resume   time.Time // after a refusal
	told     bool      // that the controller refused
	silenced bool      // by Hush
}

// takeOver looks at what the others want: a connection has ended the
// advertisement, or the radio is to be quiet. It tells whether it is.
func (st *station) takeOver(ctx context.Context) (quiet bool, err error) {
	st.b.mu.Lock()
	n := &st.b.beckons
	ended, hush := n.ended, n.hush
	n.ended = false
	st.b.mu.Unlock()
	if ended { // perhaps the one before that of now
		if err := st.stopBeckon(ctx); err != nil {
			return false, err
		}
	}
	if !hush {
		st.beckoning.silenced = false
		return false, nil
	}
	if st.active() > 0 {
		return true, nil
	}
	if err := st.stopBeckon(ctx); err != nil {
		return true, err
	}
	if err := st.pause(ctx); err != nil {
		return true, err
	}
	st.beckoning.silenced = true
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	if n.hushed != nil {
		close(n.hushed)
		n.hushed = nil
	}
	return true, nil
}

// beckonSlot is the set of the connectable advertisements.
func (st *station) beckonSlot() *slot {
	if st.beckoning.slot != nil {
		return st.beckoning.slot
	}
	return &st.slots[0]
}

// inTurns tells whether they share the radio with the mesh PDUs.
func (st *station) inTurns() bool { return st.beckoning.slot == nil || st.isExclusive() }

// waiting tells what there is to advertise, and whether mesh PDUs wait.
func (st *station) waiting() (all []beckon, version int, pdus bool) {
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	return st.b.beckons.all, st.b.beckons.version, st.b.queue.waiting()
}

// beckon starts, changes and stops the connectable advertisements.
func (st *station) beckon(ctx context.Context) error {
	k := &st.beckoning
	all, version, pdus := st.waiting()
	if k.on {
		if !st.beckonOver(len(all), version != k.version, pdus) {
			return nil
		}
		if err := st.stopBeckon(ctx); err != nil {
			return err
		}
	}
	k.version = version
	if !st.mayBeckon(len(all), pdus) {
		return nil
	}
	if st.isExclusive() {
		if err := st.pause(ctx); err != nil {
			return err
		}
	}
	k.at = (k.at + 1) % len(all)
	err := st.startBeckon(ctx, &all[k.at])
	if status, refused := packet.Refused(err); refused {
		return st.beckonRefused(ctx, status)
	}
	if err != nil {
		return err
	}
	k.on, k.told = true, false
	k.until = time.Now().Add(beckonTurn)
	if st.inTurns() {
		k.until = time.Now().Add(slice)
	}
	return nil
}

// beckonOver tells whether the advertisement of the moment has to go, of so
// many.
func (st *station) beckonOver(n int, changed, pdus bool) bool {
	over := !time.Now().Before(st.beckoning.until)
	if st.inTurns() {
		return over && (changed || pdus || n > 1 || st.isExclusive())
	}
	return changed || over && n > 1
}

// mayBeckon tells whether one of so many may go on the air. In turns it is that
// of the mesh PDUs until the next slice is due, and an exclusive controller's
// scan's.
func (st *station) mayBeckon(n int, pdus bool) bool {
	k, now := &st.beckoning, time.Now()
	due := !now.Before(k.last.Add(sliceEvery))
	switch {
	case n == 0, now.Before(k.resume):
		return false
	case !st.inTurns():
		return true
	case st.isExclusive():
		return due && st.active() == 0 && st.scanning && !now.Before(st.resume)
	default:
		return st.active() == 0 && (due || !pdus)
	}
}

// beckonRefused deals with a controller that refuses a connectable
// advertisement: for the scan, for want of a set, or for reasons that may go
// away.
func (st *station) beckonRefused(ctx context.Context, status packet.Status) error {
	k := &st.beckoning
	if err := st.stop(ctx, st.beckonSlot()); err != nil {
		if _, refused := packet.Refused(err); !refused {
			return err
		}
	}
	switch {
	case st.scanning && !st.isExclusive() && status == packet.StatusCommandDisallowed:
		st.becomeExclusive()
	case k.slot != nil && status != packet.StatusConnectionLimit:
		st.b.log.Info("the controller has no advertising set to spare for connections; they take turns with the mesh", "error", status)
		k.slot = nil
	default:
		k.resume = time.Now().Add(beckonPause)
		if !k.told {
			k.told = true
			st.b.log.Info("the controller refuses a connectable advertisement; it is tried again", "error", status)
		}
		return nil
	}
	st.b.wake() // to try at once
	return nil
}

func (st *station) startBeckon(ctx context.Context, a *beckon) error {
	sl := st.beckonSlot()
	own := packet.AddressRandom
	switch {
	case st.info.Extended:
	case a.Private:
		if err := st.masquerade(ctx, a.address); err != nil {
			return err
		}
	case st.info.Address != (packet.Address{}):
		own = packet.AddressPublic
	}
	if err := st.tune(ctx, sl, parameters{beckonInterval, packet.PropertiesConnectable, own}); err != nil {
		return err
	}
	set, enable := packet.LESetAdvertisingData(a.Data), packet.LESetAdvertisingEnable(true)
	if st.info.Extended {
		if _, err := st.s.Do(ctx, packet.LESetAdvertisingSetRandomAddress(sl.handle, a.address)); err != nil {
			return err
		}
		set = packet.LESetExtendedAdvertisingData(sl.handle, a.Data)
		enable = packet.LESetExtendedAdvertisingEnable(true, sl.handle, 0)
	}
	if _, err := st.s.Do(ctx, set); err != nil {
		return err
	}
	_, err := st.s.Do(ctx, enable)
	return err
}

// masquerade gives a controller with only the legacy commands another random
// address, which it has one of for all that it does. It may not change while the
// controller scans.
func (st *station) masquerade(ctx context.Context, a packet.Address) error {
	if st.address == a {
		return nil
	}
	scanning := st.scanning
	if err := st.pause(ctx); err != nil {
		return err
	}
	if _, err := st.s.Do(ctx, packet.LESetRandomAddress(a)); err != nil {
		return err // rest lets the scan go on
	}
	st.address = a
	if !scanning {
		return nil
	}
	return st.scan(ctx, true)
}

// stopBeckon takes the connectable advertisement off the air. A slice in an
// exclusive controller's time lets the scan go on.
func (st *station) stopBeckon(ctx context.Context) error {
	k := &st.beckoning
	if !k.on {
		return nil
	}
	k.on, k.last = false, time.Now()
	return st.stop(ctx, st.beckonSlot())
}

// nextBeckon is when the connectable advertisements need care next, or zero.
func (st *station) nextBeckon() time.Time {
	k := &st.beckoning
	all, version, pdus := st.waiting()
	switch {
	case k.silenced:
		return time.Time{}
	case k.on && (len(all) > 1 || st.inTurns() && (pdus || version != k.version || st.isExclusive())):
		return k.until
	case k.on, len(all) == 0:
		return time.Time{}
	case time.Now().Before(k.resume):
		return k.resume
	case st.active() == 0 && time.Now().Before(k.last.Add(sliceEvery)):
		return k.last.Add(sliceEvery)
	default:
		return time.Time{}
	}
}
