package gatt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Times of connecting.
const (
	// initiatorTurn is the length of one attempt. A controller has one
	// initiator, which the links share in turn.
	initiatorTurn = 4 * time.Second
	// quietTurn is the same while the radio must do nothing else.
	quietTurn  = time.Second
	quietPause = 500 * time.Millisecond
	// The scan for the peer shares the radio with the scan for mesh PDUs.
	initiatorInterval = 60 * time.Millisecond
	initiatorWindow   = 30 * time.Millisecond
)

// parameters of a new connection. The supervision timeout is short, because a
// proxy out of reach is to be replaced within seconds.
var parameters = packet.ConnectionParameters{ //nolint:gochecknoglobals // Go has no struct constants
	IntervalMin: 30 * time.Millisecond,
	IntervalMax: 50 * time.Millisecond,
	Supervision: 3 * time.Second,
}

// initiate connects to the peer of a link. Links take turns until their context
// ends.
func (st *station) initiate(l *link) (*path, error) {
	for {
		select {
		case st.initiating <- struct{}{}:
		case <-l.ctx.Done():
			return nil, context.Cause(l.ctx)
		}
		p, err := st.attempt(l)
		<-st.initiating
		switch {
		case p != nil || err != nil:
			return p, err
		case l.ctx.Err() != nil:
			return nil, context.Cause(l.ctx)
		}
		st.rest(l)
	}
}

// rest leaves time to the mesh between two attempts that need a silent radio.
func (st *station) rest(l *link) {
	st.r.mu.Lock()
	exclusive := st.exclusive
	st.r.mu.Unlock()
	if !exclusive {
		return
	}
	timer := time.NewTimer(quietPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ctx.Done():
	}
}

// attempt tries to connect for one turn. It returns nil if the peer was not
// heard.
func (st *station) attempt(l *link) (*path, error) {
	st.r.mu.Lock()
	exclusive := st.exclusive
	st.r.mu.Unlock()
	turn := initiatorTurn
	if exclusive {
		resume, err := st.r.cfg.Advertiser.Silence(l.ctx)
		if err != nil {
			return nil, err
		}
		defer resume()
		turn = quietTurn
	}
	st.r.counters.attempts.Add(1)
	st.expect(l)
	// The command is not abandoned when the link ends: its result must be
	// known.
	_, err := st.s.Do(st.ctx, st.create(l, exclusive))
	if err != nil {
		st.expect(nil)
		if !exclusive && errors.Is(err, packet.StatusCommandDisallowed) {
			st.r.log.Info("the controller does not connect while it scans; the scan is paused for each attempt")
			st.r.mu.Lock()
			st.exclusive = true
			st.r.mu.Unlock()
			return nil, nil
		}
		return nil, fmt.Errorf("gatt: connecting to %s: %w", l.peer, roomless(err))
	}
	timer := time.NewTimer(turn)
	defer timer.Stop()
	select {
	case o := <-l.made:
		return o.result(l)
	case <-timer.C:
	case <-l.ctx.Done():
	}
	return st.giveUp(l)
}

// expect says which link the next connection belongs to.
func (st *station) expect(l *link) {
	st.r.mu.Lock()
	defer st.r.mu.Unlock()
	st.attempting = l
}

func (st *station) create(l *link, exclusive bool) packet.Command {
	kind, to := address(l.peer)
	c := packet.CreateConnection{
		Interval: initiatorInterval, Window: initiatorWindow, Peer: to, PeerType: kind,
		OwnAddress: packet.AddressPublic, Connection: parameters,
	}
	if exclusive {
		c.Window = c.Interval
	}
	info := st.s.Info()
	if info.Address == (packet.Address{}) {
		c.OwnAddress = packet.AddressRandom // the address of the scan
	}
	if info.Extended {
		return c.Extended()
	}
	return c.Legacy()
}

// roomless adds ErrRoom to the error of a controller without free connections.
func roomless(err error) error {
	if errors.Is(err, packet.StatusConnectionLimit) || errors.Is(err, packet.StatusMemoryExceeded) {
		return fmt.Errorf("%w: %w", ErrRoom, err)
	}
	return err
}

func (o outcome) result(l *link) (*path, error) {
	if o.path == nil {
		return nil, fmt.Errorf("gatt: connecting to %s: %w", l.peer, roomless(o.status))
	}
	return o.path, nil
}

// giveUp cancels an attempt unless it succeeds at this moment. The controller
// reports its end either way.
func (st *station) giveUp(l *link) (*path, error) {
	_, err := st.s.Do(st.ctx, packet.LECreateConnectionCancel())
	if _, refused := packet.Refused(err); err != nil && !refused {
		return nil, fmt.Errorf("gatt: %w", err)
	}
	const patience = 2 * time.Second
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case o := <-l.made:
		if o.path == nil && o.status == packet.StatusUnknownConnection {
			return nil, nil // canceled, as intended
		}
		return o.result(l)
	case <-st.ctx.Done():
		return nil, context.Cause(st.ctx)
	case <-timer.C:
		err := fmt.Errorf("gatt: expected the end of the attempt to connect to %s within %s, got none: %w", l.peer, patience, ErrOutOfSync)
		st.fail(err)
		return nil, err
	}
}

// fail requests a reset of the controller.
func (st *station) fail(err error) {
	select {
	case st.failed <- err:
	default:
	}
}

// hangUp ends a connection and waits until the controller confirms it.
func (st *station) hangUp(p *path) {
	select {
	case <-p.gone:
		return
	default:
	}
	_, err := st.s.Do(st.ctx, packet.Disconnect(p.handle, packet.StatusRemoteUser))
	if errors.Is(err, packet.StatusUnknownConnection) {
		st.r.mu.Lock()
		defer st.r.mu.Unlock()
		if st.paths[p.handle] == p {
			delete(st.paths, p.handle)
		}
		return
	}
	st.r.mu.Lock()
	patience := p.supervision + 2*time.Second
	st.r.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.gone:
	case <-st.ctx.Done():
	case <-timer.C:
		st.fail(fmt.Errorf("gatt: expected the end of connection 0x%04x within %s, got none: %w", p.handle, patience, ErrOutOfSync))
	}
}
