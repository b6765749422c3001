package controller

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// State is the state of a controller.
type State uint8

// The states.
const (
	Opening    State = iota + 1 // the transport is being opened, then the controller started
	Running                     // ready for use
	Recovering                  // it failed and is being reset
	Down                        // it cannot be opened, or Reset does not help; retried after a pause
	Stopped                     // Run has ended
)

// String names the state.
func (s State) String() string {
	switch s {
	case Opening:
		return "opening"
	case Running:
		return "running"
	case Recovering:
		return "recovering"
	case Down:
		return "down"
	case Stopped:
		return "stopped"
	default:
		return "unknown"
	}
}

// Status is passed to Config.Status.
type Status struct {
	State State
	Info  Info  // when Running
	Err   error // the cause, when Recovering or Down
}

// Stats counts since New.
type Stats struct {
	Opens           uint64 // transports opened
	Resets          uint64 // sessions that failed and were followed by a Reset
	Commands        uint64 // commands sent
	Refused         uint64 // commands answered with a status other than success
	Unanswered      uint64 // deadlines that passed
	HardwareErrors  uint64 // Hardware Error events
	TransportErrors uint64 // transports that failed
	Packets         uint64 // packets received
	Malformed       uint64 // packets that did not decode
	Unframed        uint64 // times that octets of a stream were skipped, because they were no packet
	Garbled         uint64 // commands whose answer was probably among the malformed packets
	Late            uint64 // unexpected answers to commands
	Data            uint64 // packets of ACL data sent
	Stalled         uint64 // times that the controller kept data for too long
	Overcompleted   uint64 // events that completed more data than was outstanding
	Ignored         uint64 // SCO and ISO data
}

type counters struct {
	opens, resets, commands, refused, unanswered, hardwareErrors, transportErrors,
	packets, malformed, unframed, garbled, late, data, stalled, overcompleted, ignored atomic.Uint64
}

// garbage counts what arrived and was not understood.
func (n *counters) garbage() uint64 { return n.malformed.Load() + n.unframed.Load() }

// Stats returns the current counters.
func (c *Controller) Stats() Stats {
	n := &c.counters
	return Stats{
		Opens:           n.opens.Load(),
		Resets:          n.resets.Load(),
		Commands:        n.commands.Load(),
		Refused:         n.refused.Load(),
		Unanswered:      n.unanswered.Load(),
		HardwareErrors:  n.hardwareErrors.Load(),
		TransportErrors: n.transportErrors.Load(),
		Packets:         n.packets.Load(),
		Malformed:       n.malformed.Load(),
		Unframed:        n.unframed.Load(),
		Garbled:         n.garbled.Load(),
		Late:            n.late.Load(),
		Data:            n.data.Load(),
		Stalled:         n.stalled.Load(),
		Overcompleted:   n.overcompleted.Load(),
		Ignored:         n.ignored.Load(),
	}
}

func (c *Controller) report(s Status) {
	if c.cfg.Status != nil {
		c.cfg.Status(s)
	}
}

// logFailure logs a failure as a warning, a few times a minute. A controller that
// fails every second would fill the log. It reports whether it did.
func (c *Controller) logFailure(text string, err error, pause time.Duration) bool {
	if now := time.Now(); now.Sub(c.logSince) >= time.Minute {
		c.logSince, c.logged = now, 0
	}
	fields := []any{"error", err, "pause", pause}
	if c.logged >= failuresLogged {
		c.unlogged++
		c.log.Debug(text, fields...)
		return false
	}
	if c.unlogged > 0 {
		fields = append(fields, "not_logged", c.unlogged)
	}
	c.log.Warn(text, fields...)
	c.logged++
	c.unlogged = 0
	return true
}

// running announces that the session is ready.
func (c *Controller) running(s *Session) {
	c.setSession(s)
	c.lastReason = ""
	i := s.info
	level := slog.LevelInfo
	if c.unlogged > 0 {
		level = slog.LevelDebug // the failure was not logged either
	}
	c.log.Log(context.Background(), level, "controller is ready", "address", i.Address.String(), "core", i.Version.Core(), "extended", i.Extended, "sets", i.Sets)
	c.report(Status{State: Running, Info: i})
}

// down announces that the controller is not available. The same reason is logged
// once.
func (c *Controller) down(err error, pause time.Duration) {
	const text = "controller is down, trying again"
	if why := err.Error(); why == c.lastReason {
		c.log.Debug(text, "error", err, "pause", pause)
	} else if c.logFailure(text, err, pause) {
		c.lastReason = why
	}
	c.report(Status{State: Down, Err: err})
}
