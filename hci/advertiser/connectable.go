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
	connectableInterval = 150 * time.Millisecond
	// connectableTurn is how long one of several advertisements is sent before
	// the next one.
	connectableTurn = time.Second
	// slice is how long a connectable advertisement stays on the air at least
	// where it shares the radio with mesh PDUs. The controller sends one
	// advertising event at once, and a peer may answer it.
	slice = 30 * time.Millisecond
	// sliceEvery is how often it gets its slice while mesh PDUs wait.
	sliceEvery = 500 * time.Millisecond
	// connectablePause is the pause after a controller has refused.
	connectablePause = 5 * time.Second
)

// connectable is a connectable advertisement with the address it is sent from.
type connectable struct {
	packet.Advertisement
	address packet.Address
}

func (a *connectable) same(o *connectable) bool {
	return bytes.Equal(a.Data, o.Data) && a.Private == o.Private
}

// connectables holds the connectable advertisements. Guarded by Bearer.mu.
type connectables struct {
	all     []connectable
	version int  // counts the changes to all
	ended   bool // the controller stopped one because a peer has connected

	silence   bool          // the radio has to be silent
	silent    chan struct{} // closed when it is silent
	silencing chan struct{} // capacity 1: held by the caller of Silence
}

// Advertise sets the connectable advertisements, which are sent in turn from now
// on. Each keeps its address, which is a static random address, or a
// non-resolvable private one if the advertisement is private. A controller that
// has only the legacy commands uses its public address instead of the static
// one. The advertisements use an advertising set of their own if the controller
// has one to spare (Config.Connectable) and take turns with the mesh PDUs
// otherwise. A connection ends the current advertisement, which is then started
// again. Advertise may be called from the Event method of another host. The error
// wraps ErrPDU if the data does not have 1 to 31 octets.
func (b *Bearer) Advertise(all []packet.Advertisement) error {
	next := make([]connectable, 0, len(all))
	for _, a := range all {
		if len(a.Data) == 0 || len(a.Data) > packet.MaxLegacyData {
			return fmt.Errorf("advertiser: expected a connectable advertisement of 1 to %d octets, got %d: %w", packet.MaxLegacyData, len(a.Data), ErrPDU)
		}
		var random [6]byte
		if _, err := io.ReadFull(b.cfg.Random, random[:]); err != nil {
			return fmt.Errorf("advertiser: expected random octets for an address, reading them failed: %w", err)
		}
		a.Data = bytes.Clone(a.Data)
		address := packet.StaticRandom(random)
		if a.Private {
			address = packet.NonResolvable(random)
		}
		next = append(next, connectable{a, address})
	}
	b.mu.Lock()
	same := len(next) == len(b.connectables.all)
	for i := range next {
		same = same && next[i].same(&b.connectables.all[i])
		for _, old := range b.connectables.all {
			if old.same(&next[i]) {
				next[i].address = old.address // keep its address
			}
		}
	}
	if !same {
		b.connectables.all = next
		b.connectables.version++
	}
	b.mu.Unlock()
	if !same {
		b.wake()
	}
	return nil
}

// Silence silences the radio, for controllers that can do nothing else while they
// connect. It lets the current transmissions finish, then sends nothing and
// stops the scan until the caller calls resume. Only one caller at a time can
// hold it. The context limits the wait, not the silence.
func (b *Bearer) Silence(ctx context.Context) (resume func(), err error) {
	select {
	case b.connectables.silencing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	silent := make(chan struct{})
	b.mu.Lock()
	b.connectables.silence, b.connectables.silent = true, silent
	b.mu.Unlock()
	b.wake()
	resume = func() {
		b.mu.Lock()
		b.connectables.silence = false
		b.mu.Unlock()
		b.wake()
		<-b.connectables.silencing
	}
	select {
	case <-silent:
		return resume, nil
	case <-ctx.Done():
		resume()
		return nil, context.Cause(ctx)
	}
}

// connectableState is the connectable advertisement that is on the air. Only the
// station's goroutine uses it.
type connectableState struct {
	slot     *slot // its set; nil when it takes turns with mesh PDUs, in slot 0
	on       bool
	version  int
	at       int       // index of the advertisement
	until    time.Time // end of its turn or slice
	last     time.Time // end of the last slice
	resume   time.Time // earliest next attempt after a refusal
	logged   bool      // the refusal was logged
	silenced bool      // silent because of Silence
}

// handleRequests handles what other goroutines have asked for: a connection has ended
// the advertisement, or the radio has to be silent. It reports whether it has
// to be silent.
func (st *station) handleRequests(ctx context.Context) (quiet bool, err error) {
	st.b.mu.Lock()
	n := &st.b.connectables
	ended, silence := n.ended, n.silence
	n.ended = false
	st.b.mu.Unlock()
	if ended { // this may have been the previous advertisement
		if err := st.stopConnectable(ctx); err != nil {
			return false, err
		}
	}
	if !silence {
		st.connectableState.silenced = false
		return false, nil
	}
	if st.active() > 0 {
		return true, nil
	}
	if err := st.stopConnectable(ctx); err != nil {
		return true, err
	}
	if err := st.pause(ctx); err != nil {
		return true, err
	}
	st.connectableState.silenced = true
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	if n.silent != nil {
		close(n.silent)
		n.silent = nil
	}
	return true, nil
}

// connectableSlot is the slot of the connectable advertisements.
func (st *station) connectableSlot() *slot {
	if st.connectableState.slot != nil {
		return st.connectableState.slot
	}
	return &st.slots[0]
}

// inTurns reports whether they share the radio with the mesh PDUs.
func (st *station) inTurns() bool { return st.connectableState.slot == nil || st.isExclusive() }

// waiting returns the advertisements to send, and whether mesh PDUs wait.
func (st *station) waiting() (all []connectable, version int, pdus bool) {
	st.b.mu.Lock()
	defer st.b.mu.Unlock()
	return st.b.connectables.all, st.b.connectables.version, st.b.queue.Waiting()
}

// advertise starts, changes and stops the connectable advertisements.
func (st *station) advertise(ctx context.Context) error {
	k := &st.connectableState
	all, version, pdus := st.waiting()
	if k.on {
		if !st.turnOver(len(all), version != k.version, pdus) {
			return nil
		}
		if err := st.stopConnectable(ctx); err != nil {
			return err
		}
	}
	k.version = version
	if !st.mayAdvertise(len(all), pdus) {
		return nil
	}
	if st.isExclusive() {
		if err := st.pause(ctx); err != nil {
			return err
		}
	}
	k.at = (k.at + 1) % len(all)
	err := st.startConnectable(ctx, &all[k.at])
	if status, refused := packet.Refused(err); refused {
		return st.connectableRefused(ctx, status)
	}
	if err != nil {
		return err
	}
	k.on, k.logged = true, false
	k.until = time.Now().Add(connectableTurn)
	if st.inTurns() {
		k.until = time.Now().Add(slice)
	}
	return nil
}

// turnOver reports whether the current advertisement, one of n, has to stop.
func (st *station) turnOver(n int, changed, pdus bool) bool {
	over := !time.Now().Before(st.connectableState.until)
	if st.inTurns() {
		return over && (changed || pdus || n > 1 || st.isExclusive())
	}
	return changed || over && n > 1
}

// mayAdvertise reports whether one of n advertisements may go on the air. If
// they take turns, the mesh PDUs have the radio until the next slice is due. If
// the controller cannot advertise while it scans, the scan has it.
func (st *station) mayAdvertise(n int, pdus bool) bool {
	k, now := &st.connectableState, time.Now()
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

// connectableRefused handles a controller that refuses a connectable
// advertisement: because it scans, because it has no set left, or for a reason
// that may pass.
func (st *station) connectableRefused(ctx context.Context, status packet.Status) error {
	k := &st.connectableState
	if err := st.stop(ctx, st.connectableSlot()); err != nil {
		if _, refused := packet.Refused(err); !refused {
			return err
		}
	}
	switch {
	case st.scanning && !st.isExclusive() && status == packet.StatusCommandDisallowed:
		st.becomeExclusive()
	case k.slot != nil && status != packet.StatusConnectionLimit:
		st.b.log.Info("the controller has no advertising set left for connectable advertisements; they take turns with mesh PDUs", "error", status)
		k.slot = nil
	default:
		k.resume = time.Now().Add(connectablePause)
		if !k.logged {
			k.logged = true
			st.b.log.Info("the controller refuses a connectable advertisement; trying again", "error", status)
		}
		return nil
	}
	st.b.wake() // retry at once
	return nil
}

func (st *station) startConnectable(ctx context.Context, a *connectable) error {
	sl := st.connectableSlot()
	own := packet.AddressRandom
	switch {
	case st.info.Extended:
	case a.Private:
		if err := st.setLegacyAddress(ctx, a.address); err != nil {
			return err
		}
	case st.info.Address != (packet.Address{}):
		own = packet.AddressPublic
	}
	if err := st.tune(ctx, sl, parameters{connectableInterval, packet.PropertiesConnectable, own}); err != nil {
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

// setLegacyAddress gives another random address to a controller that has only
// the legacy commands. Such a controller has one address for everything, and it
// must not change while the controller scans.
func (st *station) setLegacyAddress(ctx context.Context, a packet.Address) error {
	if st.address == a {
		return nil
	}
	scanning := st.scanning
	if err := st.pause(ctx); err != nil {
		return err
	}
	if _, err := st.s.Do(ctx, packet.LESetRandomAddress(a)); err != nil {
		return err // rest restarts the scan
	}
	st.address = a
	if !scanning {
		return nil
	}
	return st.scan(ctx, true)
}

// stopConnectable takes the connectable advertisement off the air. After a
// slice on an exclusive controller, the scan continues.
func (st *station) stopConnectable(ctx context.Context) error {
	k := &st.connectableState
	if !k.on {
		return nil
	}
	k.on, k.last = false, time.Now()
	return st.stop(ctx, st.connectableSlot())
}

// nextConnectable is when the connectable advertisements need attention next,
// or zero.
func (st *station) nextConnectable() time.Time {
	k := &st.connectableState
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
