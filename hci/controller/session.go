package controller

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Session is the time from a Reset of the controller to its failure.
type Session struct {
	c     *Controller
	link  *link
	info  Info
	flow  *flow
	ready atomic.Bool // events are passed to the hosts

	garbage uint64 // counted before the session

	over  chan struct{} // closed when the session has failed
	timer *time.Timer   // the nearest deadline; Controller.runSession waits for it

	mu      sync.Mutex
	cause   error       // why the session is over
	credits int         // number of commands that the controller accepts, from its last answer
	sent    []*exchange // in flight, oldest first
	waiting []*exchange // waiting for a credit, oldest first
	spare   []*exchange // free exchanges

	writing chan struct{} // holds a token while a command is being written
	buf     []byte        // the command
}

// exchange is one command and its answer.
type exchange struct {
	wake   chan struct{} // capacity 1: signals a change of state
	cmd    packet.Command
	since  time.Time // when it began to wait, then when it was sent
	until  time.Time // when it is given up because its answer was malformed; zero if not
	state  state
	status packet.Status
	// garbled says that it was given up, and not answered.
	garbled bool
	n       int
	ret     [packet.MaxParams]byte
}

type state uint8

const (
	stateWaiting  state = iota // in waiting
	stateGranted               // in sent, about to be written
	stateSent                  // in sent
	stateAnswered              // in neither
)

func newSession(c *Controller, l *link) *Session {
	s := &Session{
		c:       c,
		link:    l,
		flow:    newFlow(c.cfg.Deadline),
		garbage: c.counters.garbage(),
		over:    make(chan struct{}),
		writing: make(chan struct{}, 1),
		timer:   time.NewTimer(time.Hour),
		credits: 1, // every controller accepts one after a reset (section 4.4)
	}
	s.timer.Stop()
	return s
}

// Info describes the controller.
func (s *Session) Info() Info { return s.info }

// Do sends a command and returns its return parameters without the status, or
// nil if there are none. A status other than success is an error that wraps
// packet.Status. After the end of the session the error wraps ErrReset or, for
// the command that caused the end, ErrUnanswered. Any number of goroutines may
// call Do. It allocates nothing for a command that only returns a status.
//
// A command whose answer was malformed is sent again some times, and then fails
// with ErrGarbled. The controller may execute such a command twice.
func (s *Session) Do(ctx context.Context, cmd packet.Command) ([]byte, error) {
	attempts := 3
	if cmd.Opcode() == packet.OpReset {
		attempts = 40 // a controller that sends garbage for a while works when that is over
	}
	for {
		ret, err := s.once(ctx, cmd)
		attempts--
		if attempts == 0 || !errors.Is(err, ErrGarbled) {
			return ret, err
		}
	}
}

// once is Do with one attempt.
func (s *Session) once(ctx context.Context, cmd packet.Command) ([]byte, error) {
	s.mu.Lock()
	if s.cause != nil {
		s.mu.Unlock()
		return nil, errNotSent
	}
	x := s.exchange()
	x.cmd = cmd
	x.since, x.until = time.Now(), time.Time{}
	x.state, x.garbled = stateWaiting, false
	s.waiting = append(s.waiting, x)
	s.grant()
	s.mu.Unlock()

	select {
	case <-x.wake: // it has a credit
	case <-s.over:
		return s.withdraw(x, errNotSent)
	case <-ctx.Done():
		return s.withdraw(x, context.Cause(ctx))
	}
	select {
	case s.writing <- struct{}{}:
	case <-s.over:
		return s.withdraw(x, errNotSent)
	case <-ctx.Done():
		return s.withdraw(x, context.Cause(ctx))
	}
	if err := s.write(x); err != nil {
		s.fail(err)
		return nil, fmt.Errorf("controller: %s: %w: %w", cmd.Opcode(), ErrReset, err)
	}
	select {
	case <-x.wake:
		return s.result(x)
	case <-s.over:
		return s.lost(x)
	case <-ctx.Done():
		// It stays in sent: the controller still owes an answer.
		return nil, context.Cause(ctx)
	}
}

// exchange finds or makes an exchange. The caller holds the lock.
func (s *Session) exchange() *exchange {
	if n := len(s.spare); n > 0 {
		x := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return x
	}
	return &exchange{wake: make(chan struct{}, 1)}
}

// grant gives the available credits to waiting commands and sets the timer. The
// caller holds the lock.
//
// An answer says how many commands the controller accepts, but not whether it
// had seen all that were in flight. So the unanswered commands are subtracted.
func (s *Session) grant() {
	for len(s.waiting) > 0 && len(s.sent) < s.credits {
		x := s.waiting[0]
		s.waiting = slices.Delete(s.waiting, 0, 1)
		x.state = stateGranted
		x.since = time.Now()
		s.sent = append(s.sent, x)
		x.signal()
	}
	if oldest := s.oldest(); oldest != nil {
		s.timer.Reset(time.Until(s.deadline(oldest)))
	} else {
		s.timer.Stop()
	}
}

// oldest is the command with the nearest deadline. A waiting command has a
// deadline only if nothing is in flight: then the controller owes a credit.
func (s *Session) oldest() *exchange {
	switch {
	case len(s.sent) > 0:
		return s.sent[0]
	case len(s.waiting) > 0:
		return s.waiting[0]
	default:
		return nil
	}
}

// deadline is when a command is given up, or the session with it.
func (s *Session) deadline(x *exchange) time.Time {
	at := x.since.Add(s.c.cfg.Deadline)
	if !x.until.IsZero() && x.until.Before(at) {
		return x.until
	}
	return at
}

// garbledTime is how long an answer may take after a malformed packet. Most
// controllers answer within some milliseconds.
const garbledTime = 500 * time.Millisecond

// garbled notes that a malformed packet has arrived, which may have been the
// answer to the oldest command.
func (s *Session) garbled(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil || len(s.sent) == 0 {
		return
	}
	if x := s.sent[0]; x.state == stateSent && x.until.IsZero() {
		x.until = now.Add(garbledTime)
		s.grant()
	}
}

func (x *exchange) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// withdraw removes a command that has not been written, with or without a
// credit.
func (s *Session) withdraw(x *exchange, err error) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(y *exchange) bool { return x == y }
	s.waiting = slices.DeleteFunc(s.waiting, same)
	s.sent = slices.DeleteFunc(s.sent, same)
	if s.cause == nil {
		s.grant()
	}
	return nil, err
}

// write sends a command that has a credit.
func (s *Session) write(x *exchange) error {
	defer func() { <-s.writing }()
	s.mu.Lock()
	x.state = stateSent // from now on an answer may arrive
	s.mu.Unlock()
	s.buf = x.cmd.AppendTo(s.buf[:0])
	s.c.counters.commands.Add(1)
	if ctx := context.Background(); s.c.log.Enabled(ctx, LevelTrace) {
		s.c.log.Log(ctx, LevelTrace, "command", "command", x.cmd.Opcode().String(), "packet", hex.EncodeToString(s.buf))
	}
	return s.link.transport.Write(s.buf)
}

// result returns the answer and frees x.
func (s *Session) result(x *exchange) ([]byte, error) {
	op, status, garbled := x.cmd.Opcode(), x.status, x.garbled
	var ret []byte
	if x.n > 0 {
		ret = slices.Clone(x.ret[:x.n])
	}
	s.mu.Lock()
	s.spare = append(s.spare, x)
	s.mu.Unlock()
	if garbled {
		return nil, fmt.Errorf("controller: %s: %w", op, ErrGarbled)
	}
	if err := status.Err(); err != nil {
		s.c.counters.refused.Add(1)
		return nil, fmt.Errorf("controller: %s: %w", op, err)
	}
	return ret, nil
}

// lost is the result of a command that was in flight when the session ended.
func (s *Session) lost(x *exchange) ([]byte, error) {
	s.mu.Lock()
	answered, cause := x.state == stateAnswered, s.cause
	s.mu.Unlock()
	if answered {
		<-x.wake
		return s.result(x)
	}
	return nil, fmt.Errorf("controller: %s: %w: %w", x.cmd.Opcode(), ErrReset, cause)
}

// answered handles an answer and the credits that come with it.
func (s *Session) answered(op packet.Opcode, credits int, status packet.Status, ret []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	i := slices.IndexFunc(s.sent, func(x *exchange) bool { return x.state == stateSent && x.cmd.Opcode() == op })
	if i < 0 && op != packet.OpNone {
		// The late answer to a command of an earlier session, or an invalid
		// one. Its credits are ignored as well.
		s.c.counters.late.Add(1)
		return
	}
	s.credits = credits
	if i >= 0 {
		x := s.sent[i]
		s.sent = slices.Delete(s.sent, i, i+1)
		x.state = stateAnswered
		x.status = status
		x.n = copy(x.ret[:], ret)
		x.signal()
	}
	s.grant()
}

// expire ends the session if a deadline has passed.
func (s *Session) expire() {
	s.mu.Lock()
	x := s.oldest()
	var err error
	switch {
	case x == nil || s.cause != nil:
	case time.Now().Before(s.deadline(x)):
		s.grant()
	case !x.until.IsZero() && x.state == stateSent && time.Since(x.since) < s.c.cfg.Deadline:
		s.c.counters.garbled.Add(1)
		s.sent = slices.Delete(s.sent, 0, 1)
		x.state, x.garbled, x.n = stateAnswered, true, 0
		x.signal()
		s.grant()
	case x.state == stateWaiting:
		err = fmt.Errorf("controller: expected a credit to send %s within %s, got none: %w", x.cmd.Opcode(), s.c.cfg.Deadline, ErrUnanswered)
	default:
		err = fmt.Errorf("controller: expected an answer to %s within %s, got none: %w", x.cmd.Opcode(), s.c.cfg.Deadline, ErrUnanswered)
	}
	s.mu.Unlock()
	if err != nil {
		if n := s.c.counters.garbage() - s.garbage; n > 0 {
			err = fmt.Errorf("%w (what arrived was not understood %d times; for a serial port, check the baud rate)", err, n)
		}
		s.c.counters.unanswered.Add(1)
		s.fail(err)
	}
}

// probe asks the controller something when it has sent nothing for a while. A
// connection to a controller that has lost its power may look intact; the
// unanswered command then ends the session.
func (s *Session) probe(ctx context.Context) {
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for before := s.c.counters.packets.Load(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := s.c.counters.packets.Load()
		if now == before {
			_, _ = s.Do(ctx, packet.ReadBDAddr()) // any answer is one
			now = s.c.counters.packets.Load()
		}
		before = now
	}
}

// fail ends the session. The first cause counts.
func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		s.cause = err
		close(s.over)
	}
}

func (s *Session) alive() bool {
	select {
	case <-s.over:
		return false
	default:
		return true
	}
}
