package advertiser

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/logging"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer/lanes"
)

// Config configures a Bearer.
type Config struct {
	// Receive gets each mesh PDU that was heard. The PDU is valid only during
	// the call. Calls come from one goroutine at a time and must not block.
	Receive func(*bearer.Incoming)
	Adapter uint8     // goes into bearer.Incoming
	Queue   int       // PDUs that can wait per kind of lane; 0 is DefaultQueue
	Sets    int       // most advertising sets to use; 0 is DefaultSets
	Random  io.Reader // source of the advertiser's addresses; nil is crypto/rand
	// Connectable reserves one of the sets for [Bearer.Advertise] if the
	// controller has at least two.
	Connectable bool
	Log         *slog.Logger // nil logs nothing
}

// Defaults for Config.
const (
	DefaultQueue = 128
	// DefaultSets leaves the radio enough time to listen: four sets with one
	// event of 2 ms every 25 ms use a third of the time.
	DefaultSets = 4
)

// staleAfter is how long PDUs wait while there is no controller, or up to twice as long.
// Later they would do harm: a lamp would go on because of a command that has failed long
// ago, and relays would bring back what this node does not expect any more.
const staleAfter = 5 * time.Second

// ErrPDU is wrapped by the errors of Send and Advertise for a payload of the wrong
// kind or length.
var ErrPDU = errors.New("unusable PDU")

// Bearer is the advertising bearer on one controller. It implements
// [bearer.Bearer] for the mesh stack and [controller.Host] for the controller.
type Bearer struct {
	cfg      Config
	log      *slog.Logger
	counters counters
	kick     chan struct{} // wakes the station after a change

	incoming bearer.Incoming // reused for each PDU
	pace     atomic.Pointer[bearer.Pace]

	mu           sync.Mutex
	queue        *lanes.Queue
	connectables connectables
	station      *station  // nil while there is no controller
	expired      time.Time // without a controller: when the queue was last expired
	exclusive    bool      // the controller cannot advertise while it scans
}

var (
	_ bearer.Bearer   = (*Bearer)(nil)
	_ bearer.Paced    = (*Bearer)(nil)
	_ controller.Host = (*Bearer)(nil)
)

// New makes a bearer. It works once it is one of the Hosts of a running
// controller; PDUs sent before that wait in the queue, but not for long.
func New(cfg Config) *Bearer {
	if cfg.Queue <= 0 {
		cfg.Queue = DefaultQueue
	}
	if cfg.Sets <= 0 {
		cfg.Sets = DefaultSets
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	return &Bearer{
		cfg:          cfg,
		log:          logging.With(cfg.Log, "radio", cfg.Adapter),
		kick:         make(chan struct{}, 1),
		incoming:     bearer.Incoming{Adapter: cfg.Adapter},
		queue:        lanes.New(cfg.Queue),
		expired:      time.Now(),
		connectables: connectables{silencing: make(chan struct{}, 1)},
	}
}

// Send queues a PDU. A Transmit out of range is clamped: 1 to 255
// transmissions, and no interval shorter than the controller supports. It
// returns bearer.ErrFull when there is no room for PDUs of this kind of lane.
func (b *Bearer) Send(o bearer.Outgoing) error {
	most := bearer.MaxPDU
	if o.Kind == bearer.Solicitation {
		most = bearer.MaxConnectableData
	}
	if o.Len == 0 || int(o.Len) > most {
		return fmt.Errorf("advertiser: expected a %s PDU of 1 to %d octets, got %d: %w", o.Kind, most, o.Len, ErrPDU)
	}
	b.mu.Lock()
	if b.station == nil {
		b.expire()
	}
	taken := b.queue.Push(&o)
	b.mu.Unlock()
	if !taken {
		b.counters.full.Add(1)
		return bearer.ErrFull
	}
	b.wake()
	return nil
}

// expire drops the PDUs that have waited too long for a controller. The caller holds the
// lock.
func (b *Bearer) expire() {
	waited := time.Since(b.expired)
	if waited < staleAfter {
		return
	}
	b.expired = time.Now()
	n := b.queue.Expire()
	if waited >= 2*staleAfter {
		n += b.queue.Expire() // nothing was sent since the last time but at its beginning
	}
	b.counters.stale.Add(uint64(n))
	if n > 0 {
		b.log.Info("messages that waited too long for the controller are not sent", "messages", n)
	}
}

// Cancel drops the PDUs that wait on the lane and stops the one that is on the
// air.
func (b *Bearer) Cancel(id bearer.Lane) {
	b.mu.Lock()
	dropped := b.queue.Cancel(id)
	stop := false
	if b.station != nil {
		stop = b.station.cancel(id)
	}
	b.mu.Unlock()
	if stop {
		dropped++
		b.wake()
	}
	b.counters.cancelled.Add(uint64(dropped))
}

// Pace implements bearer.Paced. Without a controller it returns the pace of the
// last one.
func (b *Bearer) Pace() bearer.Pace {
	if p := b.pace.Load(); p != nil {
		return *p
	}
	return bearer.Pace{}
}

// wake makes the station check for work.
func (b *Bearer) wake() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}
