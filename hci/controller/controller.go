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

// Host is a component that uses the controller.
type Host interface {
	// Serve uses the controller from the moment it is ready until ctx ends. It
	// is called once per session, so it begins by setting up the controller. An
	// error other than the context's means that the controller is in an unknown
	// state and must be reset.
	Serve(ctx context.Context, s *Session) error
	// Event is called by one goroutine at a time for each event that is not an
	// answer to a command. Calls begin before Serve is called and end after it
	// has returned. The event's octets are valid during the call. It must not
	// block and must not call Do.
	Event(e packet.Event)
}

// DataHost is a Host with connections.
type DataHost interface {
	Host
	// Data is called for ACL data of any connection, in order with the events
	// and under the same conditions as Event.
	Data(a packet.ACL)
}

// LevelTrace is the level of the lines that show each HCI command.
const LevelTrace = slog.LevelDebug - 4

// Config configures a Controller.
type Config struct {
	Name     string        // in log lines: the adapter's specification
	Open     Opener        //
	Hosts    []Host        //
	Deadline time.Duration // of each command; 0 is DefaultDeadline
	Legacy   bool          // never use extended advertising, for controllers that implement it badly
	Status   func(Status)  // called after each change; may be nil; must not block for long
	Log      *slog.Logger  // nil logs nothing
}

// DefaultDeadline is how long a controller may take to answer a command.
const DefaultDeadline = 2 * time.Second

// Pauses between attempts to recover a controller. The first attempt is
// immediate.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 3 * time.Second
	// steady is how long a session must last for the next failure to count as
	// the first.
	steady = 10 * time.Second
	// resetTime limits the Reset that silences a controller at the end.
	resetTime = 500 * time.Millisecond
	// failuresLogged is how many failures are logged in a minute.
	failuresLogged = 3
	// silence is how long a controller may send nothing at all until it is
	// asked something, so that one that is gone is noticed without traffic.
	silence = 5 * time.Second
	// leaveTime is how long hosts may take to leave Serve. Then the transport
	// is closed, because they may be blocked in a Write.
	leaveTime = 200 * time.Millisecond
)

// Controller supervises one Bluetooth controller. Run does the work.
type Controller struct {
	cfg      Config
	log      *slog.Logger
	counters counters

	mu      sync.Mutex
	session *Session      // nil unless one is ready
	changed chan struct{} // closed when session changes

	// Used by Run only, to limit the log lines about failures.
	lastReason string    // the reason it is down, as last logged
	logSince   time.Time // when the current minute of the log began
	logged     int       // failures that were logged in it
	unlogged   int       // failures since the last that was logged
}

// New makes a controller. It does nothing until Run is called.
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

// Do sends a command and returns its return parameters without the status. It
// waits while the controller is being recovered. A command that was lost on the
// way to the controller is not sent again; its error wraps ErrUnanswered or
// ErrReset. A status other than success is an error that wraps packet.Status.
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

// Run keeps the controller working until ctx ends, and returns the context's
// error. When it returns, all its goroutines have ended and the adapter is
// released.
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

// drive runs sessions over one transport until it fails or a Reset does not
// help. A Reset whose answer may have been malformed is tried some times more.
func (c *Controller) drive(ctx context.Context, l *link, failures *int) error {
	const mostUnready = 10
	defer c.close(l)
	unready := 0
	for {
		began, garbage := time.Now(), c.counters.garbage()
		ready, err := c.runSession(ctx, l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) >= steady {
			*failures = 0
		}
		unready++
		if ready {
			unready = 0
		}
		if l.isDead() || !ready && (unready > mostUnready || c.counters.garbage() == garbage) {
			return err
		}
		c.counters.resets.Add(1)
		pause := backoff(*failures)
		*failures++
		c.logFailure("resetting the controller", err, pause)
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

// runSession runs one session, from Reset to its end. It reports whether the
// session was ever ready, and why it ended.
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
			hosts.Go(func() { s.probe(sctx) })
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

// leave ends a session: first the hosts; then, if the end was requested, it
// silences the controller.
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
		parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), resetTime)
		defer cancel()
		stuck := time.AfterFunc(resetTime, l.shut) // a Write does not observe the context
		defer stuck.Stop()
		_, _ = s.Do(parting, packet.Reset())
	}
	l.session.Store(nil)
	s.fail(ErrReset)
	s.timer.Stop()
}
