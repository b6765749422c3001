package advertiser

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/logging"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Config is what a Bearer needs.
type Config struct {
	// Receive gets each mesh PDU that was heard. The PDU is valid during the
	// call, which comes from one goroutine at a time and must not block.
	Receive func(*bearer.Incoming)
	Adapter uint8     // goes into bearer.Incoming
	Queue   int       // PDUs of each kind of lane that can wait; 0 is DefaultQueue
	Sets    int       // advertising sets used at most; 0 is DefaultSets
	Random  io.Reader // for the advertiser's addresses; nil is crypto/rand
	// Connectable keeps one of the sets for Beckon, if there are two.
	Connectable bool
	Log         *slog.Logger // nil logs nothing
}

// Defaults of Config.
const (
	DefaultQueue = 128
	// DefaultSets leaves a radio half of its time to listen: four sets with
	// an event of 2 ms each 25 ms are at it for a third of the time.
	DefaultSets = 4
)

// ErrPDU is wrapped by Send for a PDU that is no PDU.
var ErrPDU = errors.New("unusable PDU")

// Bearer is the advertising bearer on one controller. It is a
// [bearer.Bearer] and, towards the controller, a [controller.Host].
type Bearer struct {
	cfg      Config
	log      *slog.Logger
	counters counters
	kick     chan struct{} // something has changed that the station must look at

	incoming bearer.Incoming // reused for each PDU heard
	pace     atomic.Pointer[bearer.Pace]

	mu        sync.Mutex
	queue     *queue
	beckons   beckons
	station   *station // while a controller is there
	exclusive bool     // the controller does not advertise while it scans
}

var (
	_ bearer.Bearer   = (*Bearer)(nil)
	_ bearer.Paced    = (*Bearer)(nil)
	_ controller.Host = (*Bearer)(nil)
)

// New makes a bearer. It is alive as one of the Hosts of a controller that
// runs; what is sent before waits.
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
		cfg:      cfg,
		log:      logging.With(cfg.Log, "radio", cfg.Adapter),
		kick:     make(chan struct{}, 1),
		incoming: bearer.Incoming{Adapter: cfg.Adapter},
		queue:    newQueue(cfg.Queue),
		beckons:  beckons{hushing: make(chan struct{}, 1)},
	}
}

// Send queues a PDU. A Transmit out of range is brought into it: 1 to 255
// transmissions, an interval of at least what the controller can do. It
// returns bearer.ErrFull when there is no room for PDUs of this kind of lane.
func (b *Bearer) Send(o bearer.Outgoing) error {
	most := bearer.MaxPDU
	if o.Kind == bearer.Solicitation {
		most = bearer.MaxBeckon
	}
	if o.Len == 0 || int(o.Len) > most {
		return fmt.Errorf("advertiser: expected a %s PDU of 1 to %d octets, got %d: %w", o.Kind, most, o.Len, ErrPDU)
	}
	b.mu.Lock()
	taken := b.queue.push(&o)
	b.mu.Unlock()
	if !taken {
		b.counters.full.Add(1)
		return bearer.ErrFull
	}
	b.wake()
	return nil
}

// Cancel drops what waits on the lane and stops what is on the air.
func (b *Bearer) Cancel(id bearer.Lane) {
	b.mu.Lock()
	dropped := b.queue.cancel(id)
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

// Pace implements bearer.Paced. It is that of the last controller.
func (b *Bearer) Pace() bearer.Pace {
	if p := b.pace.Load(); p != nil {
		return *p
	}
	return bearer.Pace{}
}

// wake makes the station look.
func (b *Bearer) wake() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}
