package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Mesh is the network as the bridge needs it; *node.Node is one.
type Mesh interface {
	Request(ctx context.Context, r node.Request) (node.Response, error)
	Provision(ctx context.Context, p node.Provision) (state.Peer, error)
	Forget(ctx context.Context, uuid mesh.UUID) error
	Peers(ctx context.Context) ([]state.Peer, error)
	Summary(ctx context.Context) (node.Summary, error)
	ApplicationKey(ctx context.Context, index mesh.KeyIndex) (crypto.Key, error)
}

// Publisher is the outbox; *mqtt.Session is one.
type Publisher interface {
	Publish(topic string, payload []byte, retained bool)
	Event(topic string, payload []byte, qos byte)
	Clear(topic string)
}

// Config is what a Service is made of.
type Config struct {
	Mesh          Mesh
	Store         store.Store
	Topics        topic.Topics
	HomeAssistant homeassistant.Options
	// Address is the bridge's own, where models publish to.
	Address mesh.Address
	// Network is the name of the network.
	Network string
	// StaticOOB authenticates new devices that insist on it and come without a
	// value of their own; nil for none.
	StaticOOB provision.AuthValue
	// Adapters describes the radios for bridge/info.
	Adapters func() []Adapter
	Version  string
	Logger   zerolog.Logger
	// Silence is how long a device may be silent before it is asked whether it
	// is still there; default ten minutes.
	Silence time.Duration
}

// Adapter is a radio as bridge/info and bridge/health show it.
type Adapter struct {
	ID      string `json:"id"` // as configured
	Address string `json:"address,omitempty"`
	Kind    string `json:"kind,omitempty"` // of the controller: extended or legacy advertising
	State   string `json:"state"`
	Error   string `json:"error,omitempty"`

	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	Resets   uint64 `json:"resets"`
	Dropped  uint64 `json:"dropped"`
}

// netKey and appKey are the keys that the bridge gives to every node.
const (
	netKey = mesh.PrimaryNetKey
	appKey = mesh.KeyIndex(0)
)

// Service is the bridge. Make it with New, give it a session's messages
// (Handle) and a node's events (Report), and run it.
type Service struct {
	cfg     Config
	log     zerolog.Logger
	inputs  chan any
	done    chan struct{}
	workers sync.WaitGroup

	// Owned by the loop.
	ctx          context.Context
	publisher    Publisher
	devices      map[mesh.UUID]*managed
	byName       map[string]*managed
	unit         map[mesh.Address]unit
	found        map[mesh.UUID]*foundDevice
	provisioning map[mesh.UUID]bool
	scanUntil    time.Time
	dirty        map[mesh.UUID]bool // states to store
	summary      node.Summary
	lists        map[string]bool // bridge topics to publish again
	ignored      int             // retained commands
}

// unit is an element of a device.
type unit struct {
	*managed
	element int
}

// posted is a step that a worker wants done in the loop.
type posted func()

// New reads the known devices from the store.
func New(cfg Config) (*Service, error) {
	if cfg.Silence == 0 {
		cfg.Silence = 10 * time.Minute
	}
	if cfg.Adapters == nil {
		cfg.Adapters = func() []Adapter { return nil }
	}
	s := &Service{
		cfg:          cfg,
		log:          cfg.Logger,
		inputs:       make(chan any, 1024),
		done:         make(chan struct{}),
		devices:      map[mesh.UUID]*managed{},
		byName:       map[string]*managed{},
		unit:         map[mesh.Address]unit{},
		found:        map[mesh.UUID]*foundDevice{},
		provisioning: map[mesh.UUID]bool{},
		dirty:        map[mesh.UUID]bool{},
		lists:        map[string]bool{},
	}
	records, err := device.Load(cfg.Store)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		t, err := s.load(r)
		if err != nil {
			return nil, err
		}
		s.add(t)
	}
	return s, nil
}

// Handle takes a message from the broker, and waits while the bridge is busy.
func (s *Service) Handle(m mqtt.Message) { s.input(m) }

// Report takes an event from the mesh, and waits while the bridge is busy.
func (s *Service) Report(e node.Event) { s.input(e) }

func (s *Service) input(in any) {
	select {
	case s.inputs <- in:
	case <-s.done:
	}
}

// post runs f in the loop.
func (s *Service) post(f func()) { s.input(posted(f)) }

// Devices lists the names of the devices that the bridge knows.
func (s *Service) Devices(ctx context.Context) ([]device.Record, error) {
	var records []device.Record
	err := s.call(ctx, func() {
		for _, t := range s.devices {
			records = append(records, *t.record)
		}
	})
	return records, err
}

// call runs f in the loop and waits for it.
func (s *Service) call(ctx context.Context, f func()) error {
	ready := make(chan struct{})
	s.post(func() { defer close(ready); f() })
	select {
	case <-ready:
		return nil
	case <-s.done:
		return errors.New("bridge: the service has been stopped")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run is the loop. It returns when ctx has ended and everything that was begun
// has been given up.
func (s *Service) Run(ctx context.Context, p Publisher) error {
	defer close(s.done)
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		// Workers may want to give their outcome to a loop that is no more.
		stopped := make(chan struct{})
		go func() { s.workers.Wait(); close(stopped) }()
		for {
			select {
			case <-s.inputs:
			case <-stopped:
				s.storeStates()
				return
			}
		}
	}()
	s.ctx, s.publisher = ctx, p
	s.work(s.begin)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for tick := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case in := <-s.inputs:
			s.handle(in)
			s.drain()
		case <-second.C:
			tick++
			s.everySecond(tick)
		}
		s.publishLists()
	}
}

// begin asks the node who is there and lets the loop go on with it.
func (s *Service) begin(ctx context.Context) {
	summary, err := s.cfg.Mesh.Summary(ctx)
	if err != nil {
		return // it was stopped
	}
	peers, err := s.cfg.Mesh.Peers(ctx)
	if err != nil {
		return
	}
	s.post(func() {
		s.summary = summary
		for _, p := range peers {
			if s.devices[p.UUID] == nil {
				s.adopt(p, "")
			}
		}
		s.announce()
		s.refreshAll()
	})
}

// drain handles what else has come by now, so that a burst makes one list.
func (s *Service) drain() {
	const most = 256
	for range most {
		select {
		case in := <-s.inputs:
			s.handle(in)
		default:
			return
		}
	}
}

func (s *Service) handle(in any) {
	switch in := in.(type) {
	case posted:
		in()
	case mqtt.Message:
		s.handleMessage(in)
	case node.MessageReceived:
		s.received(in)
	case node.DeviceHeard:
		s.heard(in)
	case node.ProvisioningStep:
		s.event("device_provisioning", map[string]any{"uuid": in.UUID, "step": in.Step})
	case node.ProvisioningDone:
		// The worker that waits for it goes on from there.
	case node.IVIndexChanged:
		s.event("iv_update", map[string]any{"iv_index": in.IVIndex, "in_progress": in.Update})
		s.refreshSummary()
	}
}

// everySecond does what is due: states to the store every few seconds, lists of
// devices that went silent, availability, health.
func (s *Service) everySecond(tick int) {
	const storeEvery, lookEvery, healthEvery = 5, 15, 60
	if tick%storeEvery == 0 {
		s.storeStates()
		s.expireFound()
	}
	if tick%lookEvery == 0 {
		s.checkAvailability()
	}
	if tick%healthEvery == 0 {
		s.refreshSummary()
	}
	if !s.scanUntil.IsZero() && time.Now().After(s.scanUntil) {
		s.scanUntil = time.Time{}
		s.lists["info"] = true
	}
}

// work runs f in a goroutine of its own that Run waits for.
func (s *Service) work(f func(ctx context.Context)) {
	ctx := s.ctx
	s.workers.Go(func() { f(ctx) })
}

// refreshSummary asks the node about itself.
func (s *Service) refreshSummary() {
	s.work(func(ctx context.Context) {
		summary, err := s.cfg.Mesh.Summary(ctx)
		if err != nil {
			return
		}
		s.post(func() {
			s.summary = summary
			s.lists["info"], s.lists["health"] = true, true
		})
	})
}
