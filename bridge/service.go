package bridge

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
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
	Refresh(ctx context.Context, r node.Refresh) (state.Peer, error)
	CancelProvisioning(ctx context.Context, uuid mesh.UUID, reason string) error
	ProvisioningInput(ctx context.Context, uuid mesh.UUID, value string) error
	Forget(ctx context.Context, uuid mesh.UUID) error
	Peers(ctx context.Context) ([]state.Peer, error)
	Summary(ctx context.Context) (node.Summary, error)
	State(ctx context.Context) (*state.Node, error)
	Exclusions(ctx context.Context) ([]node.Exclusion, error)
	ApplicationKey(ctx context.Context, index mesh.KeyIndex) (crypto.Key, error)
	Keeper
}

// Publisher is the outbox; *mqtt.Session is one. Its methods do not wait.
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
	// Backups is the directory for backups of the network; empty where the
	// store goes away with the program.
	Backups string
	// Address is the bridge's own, where models publish to.
	Address mesh.Address
	// Network is the name of the network.
	Network string
	// StaticOOB authenticates new devices that insist on it and come without a
	// value of their own; nil for none.
	StaticOOB provision.AuthValue
	// RequireOOB refuses to take devices in without authentication.
	RequireOOB bool
	// TrustAnchors vouch for the certificates of devices; nil for none.
	TrustAnchors *provision.TrustAnchors
	// Adapters describes the radios for bridge/info.
	Adapters func() []Adapter
	Version  string
	Logger   zerolog.Logger
	// Silence is how long a device may be silent before it is asked whether it
	// is still there; default ten minutes.
	Silence time.Duration
	// RefreshPatience is how long a key refresh waits for nodes that do not
	// answer; 0 until it is told to go on without them.
	RefreshPatience time.Duration
	// Firmware is the files that devices are updated with; nil for none.
	Firmware fs.FS
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

// Service is the bridge. Make it with New, give it a session's messages
// (Handle) and a node's events (Report), and run it.
type Service struct {
	cfg Config
	log zerolog.Logger
	// messages names and decodes access messages for the debug log.
	messages *access.Registry
	inputs   chan any
	chunks   chan struct{} // holds something while a chunk of firmware is sent
	done     chan struct{}
	workers  sync.WaitGroup

	// Owned by the loop.
	ctx          context.Context //nolint:containedctx // that of Run, for the workers
	publisher    Publisher
	begun        bool // the node has told who is there
	stopping     bool
	devices      map[mesh.UUID]*managed
	byName       map[string]*managed
	unit         map[mesh.Address]unit
	found        map[mesh.UUID]*foundDevice
	provisioning map[mesh.UUID]string // with the name that the device is to have
	scanUntil    time.Time
	distributing bool               // firmware to several devices at once
	dirty        map[mesh.UUID]bool // states to store
	cleared      []string           // topics that were cleared since the start
	formerly     []string           // topics that were cleared before the start
	asked        *managed           // is probed because it was silent
	summary      node.Summary
	befriends    bool            // some device had a friendship at the last summary
	lists        map[string]bool // bridge topics to publish again
	ignored      int             // retained commands
	rekeying     rekeying
}

// unit is an element of a device.
type unit struct {
	*managed
	element int
}

// New makes a bridge and reads the devices that it knows from the store. Errors
// are those of the store, and of a record in it that cannot be read.
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
		chunks:       make(chan struct{}, 1),
		done:         make(chan struct{}),
		devices:      map[mesh.UUID]*managed{},
		byName:       map[string]*managed{},
		unit:         map[mesh.Address]unit{},
		found:        map[mesh.UUID]*foundDevice{},
		provisioning: map[mesh.UUID]string{},
		dirty:        map[mesh.UUID]bool{},
		lists:        map[string]bool{},
	}
	messages, err := newMessages()
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	s.messages = messages
	records, err := device.Load(cfg.Store)
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	for _, r := range records {
		s.add(s.load(r))
	}
	s.loadCleared()
	if err := s.loadRekeying(); err != nil {
		return nil, err
	}
	return s, nil
}

// Handle takes a message from the broker, and waits while the bridge is busy.
func (s *Service) Handle(m mqtt.Message) { s.input(m) }

// Report takes an event from the mesh, and waits while the bridge is busy.
func (s *Service) Report(e node.Event) { s.input(e) }

// Devices lists the devices that the bridge knows, by name. It waits for Run to
// have begun.
func (s *Service) Devices(ctx context.Context) ([]device.Record, error) {
	listed := make(chan []device.Record, 1)
	s.post(func() {
		records := make([]device.Record, 0, len(s.devices))
		for _, m := range s.sorted() {
			records = append(records, *m.record)
		}
		listed <- records
	})
	select {
	case records := <-listed:
		return records, nil
	case <-s.done:
		return nil, node.ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ProvisionOptions says how to take a device in.
type ProvisionOptions struct {
	UUID mesh.UUID
	Name string // friendly name; made of the UUID when empty
	// Policy is how the device may be authenticated; nil for what it demands.
	Policy *provision.Policy
	// Certificate proves who the device is; nil to go without.
	Certificate *node.Certificate
	// Via is the node whose Remote Provisioning Server reaches the device;
	// unassigned for the bridge itself.
	Via       mesh.Address
	Attention uint8         // seconds for which the device shows itself
	NetKey    mesh.KeyIndex // the subnet that it joins
	Bearer    node.BearerChoice
}

// Provision takes a device into the network, interviews it, and returns its
// name when all is done. It is what bridge/request/device/provision does.
func (s *Service) Provision(ctx context.Context, o ProvisionOptions) (string, error) {
	type result struct {
		name string
		err  error
	}
	ended := make(chan result, 1)
	s.post(func() {
		s.provision(o, func(_ any, err error) {
			r := result{err: err}
			if m := s.devices[o.UUID]; m != nil && err == nil {
				r.name = m.record.Name
			}
			ended <- r
		})
	})
	select {
	case r := <-ended:
		return r.name, r.err
	case <-s.done:
		return "", node.ErrStopped
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// sorted lists the devices by name.
func (s *Service) sorted() []*managed {
	names := make([]string, 0, len(s.byName))
	for name := range s.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	list := make([]*managed, len(names))
	for i, name := range names {
		list[i] = s.byName[name]
	}
	return list
}
