package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/logging"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// Opener opens the transport to the controller. It is called again after each
// loss of the transport.
type Opener func(ctx context.Context) (transport.Transport, error)

// Host is a part of the bridge that uses the controller.
type Host interface {
	// Serve works with the controller from when it is ready until ctx ends.
	// It is called once per session, so it begins by setting the controller
	// up. An error other than the context's says that the controller is
	// astray and must be reset.
	Serve(ctx context.Context, s *Session) error
	// Event is called, by one goroutine at a time, for each event that
	// answers no command, from before Serve is called until after it has
	// returned. The event's octets are valid during the call. It must not
	// block and must not call Do.
	Event(e packet.Event)
}

// DataHost is a Host that has connections.
type DataHost interface {
	Host
	// Data is called for ACL data of any connection, in order with the events
	// and under the same conditions as Event.
	Data(a packet.ACL)
}

// LevelTrace is the level of the lines that show each HCI command.
const LevelTrace = slog.LevelDebug - 4

// Config is what a Controller needs.
type Config struct {
	Name     string        // in log lines: the adapter's specification
	Open     Opener        //
	Hosts    []Host        //
	Deadline time.Duration // of each command; 0 is DefaultDeadline
	Legacy   bool          // use no extended advertising, for controllers that have it but badly
	Status   func(Status)  // told of each change; may be nil; must not block for long
	Log      *slog.Logger  // nil logs nothing
}

// DefaultDeadline is how long a controller may take to answer a command.
const DefaultDeadline = 2 * time.Second

// Pauses between attempts to get a controller back. The first follows at once.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 3 * time.Second
	// steady is how long a session must last for the next failure to count
	// as the first.
	steady = 10 * time.Second
	// partingTime is for the Reset by which a controller is left silent.
	partingTime = 500 * time.Millisecond
	// leaveTime is for hosts to leave Serve; then the transport is closed
	// under them, for they may sit in a Write that does not end.
	leaveTime = 200 * time.Millisecond
)

// Controller is one controller under care. Run does the work.
type Controller struct {
	cfg      Config
	log      *slog.Logger
	counters counters

	mu      sync.Mutex
	session *Session      // while one is ready
	changed chan struct{} // closed when session changes
	told    string        // why it is down, as was said in the log last
}

// New makes a controller, which does nothing until Run.
func New(cfg Config) *Controller {
	if cfg.Deadline <= 0 {
		cfg.Deadline = DefaultDeadline
	}
	return &Controller{
		cfg:     cfg,
		log:     logging.With(cfg.Log, "adapter", cfg.Name),
		changed: make(chan struct{}),
	}
}

// Do sends a command and returns what it returns, without the status. It waits
// while the controller is being recovered; a command that was lost on the way
// to the controller is not sent twice, but gives ErrUnanswered or ErrReset. A
// status other than success is an error that wraps packet.Status.
func (c *Controller) Do(ctx context.Context, cmd packet.Command) ([]byte, error) {
	for {
		s, err := c.await(ctx)
		if err != nil {
			return nil, err
		}
		ret, err := s.Do(ctx, cmd)
		if !errors.Is(err, errNotSent) {
			return ret, err
		}
	}
}

// await waits for a session that is ready and not over.
func (c *Controller) await(ctx context.Context) (*Session, error) {
	for {
		c.mu.Lock()
		s, changed := c.session, c.changed
		c.mu.Unlock()
		if s != nil && s.alive() {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (c *Controller) setSession(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run keeps the controller going until ctx ends, and returns its error. All
// goroutines it started have ended then, and the adapter has been given back.
func (c *Controller) Run(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		l, err := c.open(ctx)
		if err == nil {
			err = c.drive(ctx, l, &failures)
		}
		if ctx.Err() != nil {
			break
		}
		pause := backoff(failures)
		failures++
		c.down(err, pause)
		wait(ctx, pause)
	}
	c.report(Status{State: Stopped})
	return ctx.Err()
}

// drive runs sessions over one link until it is dead or beyond a reset.
func (c *Controller) drive(ctx context.Context, l *link, failures *int) error {
	defer c.close(l)
	for {
		began := time.Now()
		ready, err := c.runSession(ctx, l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) >= steady {
			*failures = 0
		}
		if !ready || l.isDead() {
			return err
		}
		c.counters.resets.Add(1)
		pause := backoff(*failures)
		*failures++
		c.log.Warn("controller is reset", "error", err, "pause", pause)
		c.report(Status{State: Recovering, Err: err})
		wait(ctx, pause)
	}
}

// backoff is the pause before the next attempt.
func backoff(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(firstPause<<min(failures-1, 16), longPause)
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// runSession takes the controller from Reset to the end of its session and
// tells whether it was ever ready, and why it ended.
func (c *Controller) runSession(ctx context.Context, l *link) (ready bool, cause error) {
	s := newSession(c, l)
	l.session.Store(s)
	sctx, cancel := context.WithCancelCause(ctx)
	var hosts sync.WaitGroup
	started := make(chan error, 1)
	hosts.Go(func() { started <- s.start(sctx) })

	for cause == nil {
		select {
		case err := <-started:
			if err != nil {
				s.fail(err)
				continue
			}
			ready, started = true, nil
			c.running(s)
			if s.info.Buffers.Count > 0 {
				hosts.Go(func() { s.pump(sctx) })
			}
			for _, h := range c.cfg.Hosts {
				hosts.Go(func() {
					if err := h.Serve(sctx, s); err != nil && sctx.Err() == nil {
						s.fail(err)
					}
				})
			}
		case <-s.timer.C:
			s.expire()
		case <-l.dead:
			s.fail(l.err)
		case <-s.over:
			cause = s.cause
		case <-ctx.Done():
			cause = ctx.Err()
		}
	}
	cancel(cause)
	if ready {
		c.setSession(nil)
	}
	c.leave(ctx, s, l, &hosts)
	return ready, cause
}

// leave ends a session: the hosts first, then, if the end was wanted, the
// controller is left silent.
func (c *Controller) leave(ctx context.Context, s *Session, l *link, hosts *sync.WaitGroup) {
	gone := make(chan struct{})
	go func() {
		hosts.Wait()
		close(gone)
	}()
	t := time.NewTimer(leaveTime)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
		l.shut()
		<-gone
	}
	if ctx.Err() != nil && s.alive() && !l.isDead() {
		parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
		defer cancel()
		stuck := time.AfterFunc(partingTime, l.shut) // a Write does not know the context
		defer stuck.Stop()
		_, _ = s.Do(parting, packet.Reset())
	}
	l.session.Store(nil)
	s.fail(ErrReset)
	s.timer.Stop()
}
