package bridge

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/backup"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/lists"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/loop"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/ownnode"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/provisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/writer"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Mesh is the network as the bridge needs it; *node.Node is one.
type Mesh = part.Mesh

// Publisher is the outbox; *mqtt.Session is one. Its methods do not wait.
type Publisher = publish.Outbox

// Adapter is a radio as bridge/info and bridge/health show it.
type Adapter = document.Adapter

// KeyExport says whether keys may go over the broker.
type KeyExport = backup.KeyExport

// ParseKeyExport reads the value of mqtt.key_export: off, encrypted or plain.
func ParseKeyExport(text string) (KeyExport, error) { return backup.ParseKeyExport(text) }

// ProvisionOptions says how to take a device in.
type ProvisionOptions = provisioning.Options

var _ Publisher = (*mqtt.Session)(nil)

// Config is what a Service is made of.
type Config struct {
	Mesh Mesh
	// Store keeps what the bridge knows. One that is watched already (watch.New) is
	// named in what the bridge says about it.
	Store store.Store
	// StoreFindings is what was wrong with the files of the store and was
	// repaired when it was opened.
	StoreFindings []string
	Topics        topic.Topics
	HomeAssistant homeassistant.Options
	// Backups is the directory for backups of the network; empty where the
	// store goes away with the program.
	Backups string
	// KeyExport says whether a response to network/export may contain keys.
	KeyExport KeyExport
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
	// Broker tells how the connection to the broker does; nil for unknown. See also
	// Service.Status and Service.Notice.
	Broker func() mqtt.Stats
	// Firmware is the files that devices are updated with; nil for none.
	Firmware fs.FS
}

// Service is the bridge. Make it with New, give it a session's messages
// (Handle) and a node's events (Report), and run it.
type Service struct {
	cfg      Config
	loop     *loop.Loop
	host     *part.Host
	parts    *parts
	requests *request.Table

	// Owned by the loop.
	started bool         // the node has told which nodes there are
	message part.Message // the one that the parts look at
	dropped uint64       // events, as far as there was a warning
}

// New makes a bridge and reads the devices that it knows from the store. Errors
// are those of the store, and of a record in it that cannot be read.
func New(cfg Config) (*Service, error) { return newService(cfg) }

// newService is New with more parts at the end of the table.
func newService(cfg Config, more ...func(*part.Host) part.Part) (*Service, error) {
	if cfg.Silence == 0 {
		cfg.Silence = 10 * time.Minute
	}
	if cfg.Adapters == nil {
		cfg.Adapters = func() []Adapter { return nil }
	}
	messages, err := requester.Messages()
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	watched := watch.Of(cfg.Store)
	cfg.Store = watched
	s := &Service{cfg: cfg, loop: loop.New()}
	publisher := publish.New(cfg.Topics, cfg.Logger)
	s.host = &part.Host{
		Loop:      s.loop,
		Mesh:      cfg.Mesh,
		Own:       ownnode.New(cfg.Mesh, s.loop, publisher),
		Devices:   registry.New(cfg.Topics),
		Publisher: publisher,
		Writer:    writer.New(watched, s.loop.Post),
		Messages:  messages,
		Requests:  &requester.Requesters{Mesh: cfg.Mesh, Messages: messages, Log: cfg.Logger},
		Topics:    cfg.Topics,
		Log:       cfg.Logger,
		Address:   cfg.Address,
	}
	s.host.Ledger = publish.NewLedger(publisher, s.host.Writer, cfg.Logger)
	s.parts = newParts(s.host, &s.cfg, s.loop.Dropped, more)
	watched.Watch(func(err error) { s.loop.Post(func() { s.parts.storage.Changed(err) }) })
	if s.requests, err = requestsOf(s.parts.table); err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	if err := s.parts.records.Read(cfg.Store); err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	for _, p := range s.parts.table {
		if err := p.Load(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Subscriptions are those that a session has to begin with: requests, commands for
// names without a slash, and the bridge's own topics, to find out what becomes of
// them. The service adds those for longer names once a device has one.
func Subscriptions(topics topic.Topics) []mqtt.Subscription {
	var subs []mqtt.Subscription
	for _, filter := range topics.Filters(1) {
		subs = append(subs, mqtt.Subscription{Filter: filter, QoS: publish.AtLeastOnce})
	}
	for _, filter := range topics.OwnFilters(1, lists.Names()...) {
		subs = append(subs, mqtt.Subscription{Filter: filter, QoS: publish.AtMostOnce})
	}
	return subs
}

// Handle takes a message from the broker. It waits while the bridge has too many
// of them, which holds up the MQTT client only.
func (s *Service) Handle(m mqtt.Message) { s.loop.Handle(m) }

// Status takes a change of the connection to the broker. It never waits.
func (s *Service) Status(status mqtt.Status) { s.loop.Post(func() { s.parts.echo.Status(status) }) }

// Notice takes what the session with the broker has to tell, which goes to the log,
// to bridge/logging and to bridge/health. It never waits.
func (s *Service) Notice(n mqtt.Notice) {
	select {
	case <-s.loop.Done():
		s.host.Log.Warn().Msg(n.String())
	default:
		s.loop.Post(func() { s.parts.echo.Notice(n) })
	}
}

// Report takes an event from the mesh. It never waits: messages, heartbeats and
// beacons that find the bridge busy are counted and dropped.
func (s *Service) Report(e node.Event) { s.loop.Report(e) }

// AdaptersChanged tells that an adapter has another state than before. It never
// waits.
func (s *Service) AdaptersChanged() {
	s.loop.Post(func() {
		if s.started {
			s.parts.adapters.Check()
		}
	})
}

// Devices lists the devices that the bridge knows, by name. It waits for Run to
// have begun.
func (s *Service) Devices(ctx context.Context) ([]device.Record, error) {
	listed := make(chan []device.Record, 1)
	s.loop.Post(func() {
		records := make([]device.Record, 0, s.host.Devices.Len())
		for _, d := range s.host.Devices.Sorted() {
			records = append(records, *d.Record)
		}
		listed <- records
	})
	return await(ctx, s.loop, listed)
}

// Provision takes a device into the network, interviews it, and returns its
// name when all is done. It is what bridge/request/device/provision does.
func (s *Service) Provision(ctx context.Context, o ProvisionOptions) (string, error) {
	type result struct {
		name string
		err  error
	}
	ended := make(chan result, 1)
	s.loop.Post(func() {
		s.parts.provisioning.Provision(o, func(_ *document.DeviceReference, err error) {
			r := result{err: err}
			if d := s.host.Devices.ByUUID(o.UUID); d != nil && err == nil {
				r.name = d.Record.Name
			}
			s.host.Writer.Stored(func(unstored error) {
				if r.err == nil {
					r.err = unstored
				}
				ended <- r
			})
		})
	})
	r, err := await(ctx, s.loop, ended)
	if err != nil {
		return "", err
	}
	return r.name, r.err
}

// await waits for what the loop has to say.
func await[T any](ctx context.Context, l *loop.Loop, said <-chan T) (T, error) {
	var none T
	select {
	case v := <-said:
		return v, nil
	case <-l.Done():
		return none, node.ErrStopped
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
