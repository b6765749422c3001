package gatt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/logging"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Advertiser is what else is done with the radio: package advertiser.
type Advertiser interface {
	// Beckon sets what is advertised so that others can connect.
	Beckon(all []packet.Advertisement) error
	// Hush makes the radio quiet until resume is called.
	Hush(ctx context.Context) (resume func(), err error)
}

// Config is what a Radio needs. Neither function may block for long or wait for
// a method of the Radio.
type Config struct {
	Adapter    uint8 // goes into events and sightings; below 128
	Advertiser Advertiser
	// Event is told what happens on links. Events of one link come one after
	// the other, those of different links may come at once.
	Event func(bearer.LinkEvent)
	// Heard is told of service data of a mesh service in an advertisement. The
	// sighting is valid during the call.
	Heard    func(*bearer.Sighting)
	Links    int // connections and attempts at most; 0 is DefaultLinks
	Incoming int // connections of them that others make; 0 is half of them
	// Deadline is how long Connect may take until the service is ready, and
	// how long a peer that connects may take to subscribe; 0 is
	// DefaultDeadline.
	Deadline time.Duration
	MTU      int          // ATT_MTU that is offered, 23 to 515; 0 is DefaultMTU
	Log      *slog.Logger // nil logs nothing
}

// Defaults of Config.
const (
	DefaultLinks    = 4
	DefaultDeadline = 15 * time.Second
	// DefaultMTU fills one link layer packet of the longest kind.
	DefaultMTU = packet.MaxDataOctets - 4
	maxMTU     = 515
)

// writeQueue is how many PDUs can wait on a link.
const writeQueue = 32

// Radio is the GATT bearers on one controller: a [bearer.GATT] and, towards the
// controller, a [controller.DataHost].
type Radio struct {
	cfg      Config
	log      *slog.Logger
	counters counters
	sighting bearer.Sighting // reused for each

	mu       sync.Mutex
	station  *station // while a controller is there
	links    map[bearer.LinkID]*link
	incoming uint32 // number of the last connection that others made
	service  bearer.Service
	beckons  []packet.Advertisement // empty if nobody is to connect
}

var (
	_ bearer.GATT         = (*Radio)(nil)
	_ controller.DataHost = (*Radio)(nil)
)

// New makes a radio. It is alive as one of the Hosts of a controller that runs.
func New(cfg Config) *Radio {
	silence()
	if cfg.Links <= 0 {
		cfg.Links = DefaultLinks
	}
	if cfg.Incoming <= 0 {
		cfg.Incoming = (cfg.Links + 1) / 2
	}
	if cfg.Deadline <= 0 {
		cfg.Deadline = DefaultDeadline
	}
	if cfg.MTU == 0 {
		cfg.MTU = DefaultMTU
	}
	cfg.MTU = min(max(cfg.MTU, minMTU), maxMTU)
	if cfg.Heard == nil {
		cfg.Heard = func(*bearer.Sighting) {}
	}
	return &Radio{
		cfg:      cfg,
		log:      logging.With(cfg.Log, "radio", cfg.Adapter),
		links:    map[bearer.LinkID]*link{},
		sighting: bearer.Sighting{Adapter: cfg.Adapter},
	}
}

// Connect makes a connection to a peer and readies its service.
func (r *Radio) Connect(id bearer.LinkID, _ uint8, to bearer.Peer, service bearer.Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links[id] != nil {
		return // the caller's mistake; its first link goes on
	}
	l := &link{id: id, service: service, peer: to}
	var err error
	switch {
	case service != bearer.ProvisioningService && service != bearer.ProxyService:
		err = fmt.Errorf("gatt: expected the provisioning or the proxy service, got %s: %w", service, ErrService)
	case r.station == nil:
		err = fmt.Errorf("gatt: %w", ErrRadio)
	case r.station.s.Info().Buffers.Count == 0:
		err = fmt.Errorf("gatt: %w", controller.ErrNoData)
	case len(r.links) >= r.cfg.Links:
		err = fmt.Errorf("gatt: there are %d connections already: %w", len(r.links), ErrRoom)
	}
	if err != nil {
		go r.emit(l, bearer.LinkEvent{Kind: bearer.LinkClosed, Err: err}) // not in the call: its caller may be who takes the events
		return
	}
	r.station.add(l)
}

// Disconnect ends a link.
func (r *Radio) Disconnect(id bearer.LinkID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.links[id]; l != nil {
		l.disconnect()
	}
}

// errWanted is the end of a link that this side wanted.
var errWanted = errors.New("disconnected")

// Write queues one PDU.
func (r *Radio) Write(id bearer.LinkID, pdu []byte) error {
	r.mu.Lock()
	l := r.links[id]
	r.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.write(pdu)
}

// Beckon sets what is advertised. Only one service is there at a time: that of
// the first.
func (r *Radio) Beckon(all []bearer.Beckon) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beckons = nil
	for _, b := range all {
		data, err := advertisement(b)
		if err == nil && b.Service != all[0].Service {
			err = fmt.Errorf("gatt: expected one service at a time, got %s beside %s: %w", b.Service, all[0].Service, ErrService)
		}
		if err != nil {
			r.log.Warn("not advertised", "error", err)
			continue
		}
		r.service = b.Service
		r.beckons = append(r.beckons, data)
	}
	r.refresh()
}

// room tells whether somebody may connect: strangers leave room for the
// connections that this side makes. The lock is held.
func (r *Radio) room() bool {
	incoming := 0
	for id := range r.links {
		if id >= bearer.FirstIncoming {
			incoming++
		}
	}
	return len(r.links) < r.cfg.Links && incoming < r.cfg.Incoming
}

// refresh advertises while there is room for one more. The lock is held.
func (r *Radio) refresh() {
	wanted := r.beckons
	if !r.room() || r.station != nil && r.station.s.Info().Buffers.Count == 0 {
		wanted = nil
	}
	if err := r.cfg.Advertiser.Beckon(wanted); err != nil {
		r.log.Warn("not advertised", "error", err)
	}
}

// emit tells of something that happened on a link.
func (r *Radio) emit(l *link, e bearer.LinkEvent) {
	e.ID, e.Adapter, e.From = l.id, r.cfg.Adapter, l.peer
	if e.Service == 0 {
		e.Service = l.service
	}
	r.cfg.Event(e)
}

// Stats counts since New.
type Stats struct {
	Attempts uint64 // connections tried
	Opened   uint64 // links that were ready, of both directions
	Failed   uint64 // links that never were
	Lost     uint64 // links that ended without being asked to
	Broken   uint64 // links ended because the peer broke the rules
	Sent     uint64 // PDUs written
	Received uint64 // PDUs that came
	Full     uint64 // PDUs that Write did not take
	Dropped  uint64 // PDUs of the Attribute Protocol that had no use
	Strange  uint64 // events that did not decode or fit
}

type counters struct {
	attempts, opened, failed, lost, broken, sent, received, full, dropped, strange atomic.Uint64
}

// Stats is the counters as they stand.
func (r *Radio) Stats() Stats {
	n := &r.counters
	return Stats{
		Attempts: n.attempts.Load(),
		Opened:   n.opened.Load(),
		Failed:   n.failed.Load(),
		Lost:     n.lost.Load(),
		Broken:   n.broken.Load(),
		Sent:     n.sent.Load(),
		Received: n.received.Load(),
		Full:     n.full.Load(),
		Dropped:  n.dropped.Load(),
		Strange:  n.strange.Load(),
	}
}
