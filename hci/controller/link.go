package controller

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// link is one open transport with the goroutine that reads it.
type link struct {
	transport transport.Transport
	session   atomic.Pointer[Session] // receives the answers
	dead      chan struct{}           // closed when reading has ended
	err       error                   // the cause; read it only after dead
	closing   sync.Once
	garbage   garbage // used by the reader only
}

// garbage limits the log lines about malformed packets.
type garbage struct {
	logged time.Time // the last line
	since  uint64    // packets since that line
}

// garbageEvery is the least time between two log lines about malformed packets.
const garbageEvery = time.Minute

// open opens the transport and starts to read.
func (c *Controller) open(ctx context.Context) (*link, error) {
	c.report(Status{State: Opening})
	t, err := c.cfg.Open(ctx)
	if err != nil {
		return nil, err
	}
	c.counters.opens.Add(1)
	l := &link{transport: t, dead: make(chan struct{})}
	go c.read(l)
	return l, nil
}

// shut closes the transport, which ends the reader and any Write.
func (l *link) shut() {
	l.closing.Do(func() { _ = l.transport.Close() })
}

// close shuts the transport and waits for the reader.
func (c *Controller) close(l *link) {
	l.closing.Do(func() {
		if err := l.transport.Close(); err != nil {
			c.log.Warn("closing the adapter", "error", err)
		}
	})
	<-l.dead
}

func (l *link) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// read is the one goroutine that reads from the transport.
func (c *Controller) read(l *link) {
	defer close(l.dead)
	buf := make([]byte, packet.MaxLen)
	for {
		n, err := l.transport.Read(buf)
		if errors.Is(err, transport.ErrFraming) {
			c.counters.unframed.Add(1)
			c.malformed(l, err, nil)
			continue
		}
		if err != nil {
			if !errors.Is(err, transport.ErrClosed) {
				c.counters.transportErrors.Add(1)
			}
			l.err = fmt.Errorf("controller: connection lost: %w", err)
			return
		}
		c.packet(l, buf[:n])
	}
}

// packet dispatches a packet from the controller.
func (c *Controller) packet(l *link, p []byte) {
	c.counters.packets.Add(1)
	var err error
	switch {
	case len(p) > 0 && packet.Type(p[0]) == packet.TypeACL:
		err = c.data(l.session.Load(), p)
	case len(p) > 0 && (packet.Type(p[0]) == packet.TypeSCO || packet.Type(p[0]) == packet.TypeISO):
		c.counters.ignored.Add(1)
		return
	default:
		var e packet.Event
		if e, err = packet.ParseEvent(p); err == nil {
			err = c.event(l.session.Load(), e)
		}
	}
	if err != nil {
		c.counters.malformed.Add(1)
		c.malformed(l, err, p)
	}
}

// malformed logs that something from the controller is not a packet that this
// host understands, and warns of it once a minute. If a command is in flight,
// this may have been its answer.
func (c *Controller) malformed(l *link, err error, p []byte) {
	if s := l.session.Load(); s != nil {
		s.garbled(time.Now())
	}
	level := slog.LevelDebug
	l.garbage.since++
	if now := time.Now(); now.Sub(l.garbage.logged) >= garbageEvery {
		l.garbage.logged = now
		level = slog.LevelWarn
	}
	if !c.log.Enabled(context.Background(), level) {
		return
	}
	fields := []any{"error", err, "packet", hex.EncodeToString(p[:min(len(p), packet.MaxParams)])}
	if level == slog.LevelWarn {
		fields = append(fields, "since_last_warning", l.garbage.since)
		l.garbage.since = 0
	}
	c.log.Log(context.Background(), level, "malformed packet from the controller", fields...)
}

// data passes ACL data to the hosts that want it.
func (c *Controller) data(s *Session, p []byte) error {
	a, err := packet.ParseACL(p)
	if err != nil || s == nil || !s.ready.Load() {
		return err
	}
	for _, h := range c.cfg.Hosts {
		if d, ok := h.(DataHost); ok {
			d.Data(a)
		}
	}
	return nil
}

// event passes an event to the session if it answers a command, and to the
// hosts otherwise. It returns an error for an event that does not decode.
func (c *Controller) event(s *Session, e packet.Event) error {
	switch e.Code {
	case packet.EventCommandComplete:
		cc, err := e.CommandComplete()
		if err != nil {
			return err
		}
		if s == nil {
			return nil
		}
		if len(cc.Return) == 0 {
			if cc.Opcode != packet.OpNone {
				return fmt.Errorf("controller: %s completed without a status: %w", cc.Opcode, packet.ErrMalformed)
			}
			s.answered(packet.OpNone, int(cc.Credits), packet.StatusSuccess, nil)
			return nil
		}
		s.answered(cc.Opcode, int(cc.Credits), packet.Status(cc.Return[0]), cc.Return[1:])
	case packet.EventCommandStatus:
		cs, err := e.CommandStatus()
		if err != nil {
			return err
		}
		if s != nil {
			s.answered(cs.Opcode, int(cs.Credits), cs.Status, nil)
		}
	case packet.EventHardwareError:
		code, err := e.HardwareError()
		if err != nil {
			return err
		}
		c.counters.hardwareErrors.Add(1)
		if s != nil {
			s.fail(fmt.Errorf("controller: code 0x%02x: %w", code, ErrHardware))
		}
	case packet.EventCompletedPackets:
		rows, err := e.CompletedPackets()
		if err != nil {
			return err
		}
		if s != nil && !s.flow.completed(rows, time.Now()) {
			c.counters.overcompleted.Add(1)
		}
	case packet.EventDisconnectionComplete:
		end, err := e.DisconnectionComplete()
		if err != nil {
			return err
		}
		if s != nil && end.Status == packet.StatusSuccess {
			s.flow.disconnected(end.Handle)
		}
		c.passToHosts(s, e)
	default:
		c.passToHosts(s, e)
	}
	return nil
}

// passToHosts passes an event to the hosts.
func (c *Controller) passToHosts(s *Session, e packet.Event) {
	if s == nil || !s.ready.Load() {
		return
	}
	for _, h := range c.cfg.Hosts {
		h.Event(e)
	}
}
