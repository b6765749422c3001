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

// Advertiser is the advertising bearer on the same radio (package advertiser).
type Advertiser interface {
	// Advertise sets the connectable advertisements.
	Advertise(all []packet.Advertisement) error
	// Silence silences the radio until resume is called.
	Silence(ctx context.Context) (resume func(), err error)
}

// Config configures a Radio. Its functions must not block for long or wait for
// a method of the Radio.
type Config struct {
	Adapter    uint8 // reported in events and sightings; below 128
	Advertiser Advertiser
	// Event is called with what happens on links. Events of one link are in
	// order, those of different links may be concurrent.
	Event func(bearer.LinkEvent)
	// Heard is called with the service data of a mesh service in an
	// advertisement. The sighting is valid during the call.
	Heard    func(*bearer.Sighting)
	Links    int // most connections and attempts; 0 is DefaultLinks
	Incoming int // most of them that peers may make; 0 is half of Links
	// Deadline limits the time from Connect until the service is ready, and the
	// time that a peer has to subscribe after connecting; 0 is DefaultDeadline.
	Deadline time.Duration
	MTU      int          // offered ATT_MTU, 23 to 515; 0 is DefaultMTU
	Log      *slog.Logger // nil logs nothing
}

// Defaults for Config.
const (
	DefaultLinks    = 4
	DefaultDeadline = 15 * time.Second
	// DefaultMTU fills one link layer packet of the greatest length.
	DefaultMTU = packet.MaxDataOctets - 4
	maxMTU     = 515
)

// writeQueue is how many PDUs can wait on a link.
const writeQueue = 32

// Radio contains the GATT bearers on one controller. It implements
// [bearer.GATT] for the mesh stack and [controller.DataHost] for the
// controller.
type Radio struct {
	cfg      Config
	log      *slog.Logger
	counters counters
	sighting bearer.Sighting // reused for each sighting

	mu         sync.Mutex
	station    *station // nil while there is no controller
	links      map[bearer.LinkID]*link
	incoming   uint32 // number of the last connection that a peer made
	service    bearer.Service
	advertised []packet.Advertisement // empty if no peer may connect
}

var (
	_ bearer.GATT         = (*Radio)(nil)
	_ controller.DataHost = (*Radio)(nil)
)

// New makes a radio. It works once it is one of the Hosts of a running
// controller.
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

// Connect connects to a peer and prepares its service.
func (r *Radio) Connect(id bearer.LinkID, _ uint8, to bearer.Peer, service bearer.Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links[id] != nil {
		return // the caller's mistake; the first link continues
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
		err = fmt.Errorf("gatt: expected room for a connection, there are already %d: %w", len(r.links), ErrRoom)
	}
	if err != nil {
		go r.emit(l, bearer.LinkEvent{Kind: bearer.LinkClosed, Err: err}) // not in this call: the caller may be the one that receives events
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

// errWanted is the end of a link that this side requested.
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

// Advertise sets the connectable advertisements. Peers that connect find the service
// of the first one; advertisements of other services are left out and logged.
func (r *Radio) Advertise(all []bearer.ConnectableAdvertisement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advertised = nil
	for _, b := range all {
		data, err := advertisement(b)
		if err == nil && b.Service != all[0].Service {
			err = fmt.Errorf("gatt: expected one service at a time, got %s and %s: %w", b.Service, all[0].Service, ErrService)
		}
		if err != nil {
			r.log.Warn("not advertised", "error", err)
			continue
		}
		r.service = b.Service
		r.advertised = append(r.advertised, data)
	}
	r.refresh()
}

// room reports whether another peer may connect. Peers leave room for the
// connections that this side makes. The caller holds the lock.
func (r *Radio) room() bool {
	incoming := 0
	for id := range r.links {
		if id >= bearer.FirstIncoming {
			incoming++
		}
	}
	return len(r.links) < r.cfg.Links && incoming < r.cfg.Incoming
}

// refresh advertises while there is room for one more. The caller holds the
// lock.
func (r *Radio) refresh() {
	wanted := r.advertised
	if !r.room() || r.station != nil && r.station.s.Info().Buffers.Count == 0 {
		wanted = nil
	}
	if err := r.cfg.Advertiser.Advertise(wanted); err != nil {
		r.log.Warn("not advertised", "error", err)
	}
}

// emit reports an event of a link.
func (r *Radio) emit(l *link, e bearer.LinkEvent) {
	e.ID, e.Adapter, e.From = l.id, r.cfg.Adapter, l.peer
	if e.Service == 0 {
		e.Service = l.service
	}
	r.cfg.Event(e)
}

// Stats counts since New.
type Stats struct {
	Attempts   uint64 // attempts to connect
	Opened     uint64 // links that became ready, in both directions
	Failed     uint64 // links that never became ready
	Lost       uint64 // links that ended without a request of this side
	Broken     uint64 // links ended because the peer violated the protocol
	Evicted    uint64 // links ended because the peer did nothing and others needed the room
	Sent       uint64 // PDUs written
	Received   uint64 // PDUs received
	Full       uint64 // PDUs that Write refused
	Dropped    uint64 // PDUs of the Attribute Protocol that the guard dropped
	Unexpected uint64 // events that did not decode or were unexpected
}

type counters struct {
	attempts, opened, failed, lost, broken, evicted, sent, received, full, dropped, strange atomic.Uint64
}

// Stats returns the current counters.
func (r *Radio) Stats() Stats {
	n := &r.counters
	return Stats{
		Attempts:   n.attempts.Load(),
		Opened:     n.opened.Load(),
		Failed:     n.failed.Load(),
		Lost:       n.lost.Load(),
		Broken:     n.broken.Load(),
		Evicted:    n.evicted.Load(),
		Sent:       n.sent.Load(),
		Received:   n.received.Load(),
		Full:       n.full.Load(),
		Dropped:    n.dropped.Load(),
		Unexpected: n.strange.Load(),
	}
}
