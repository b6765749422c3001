// Package part is the contract between the bridge's loop and its parts.
//
//	              ┌─────────────── Service: the loop ───────────────┐
//	node.Event ──▶│ Event, Message ─▶ part ─▶ part ─▶ part          │──▶ Publisher
//	request ─────▶│ Requests       ─▶ the part that has the request │──▶ response
//	time ────────▶│ Second         ─▶ every part                    │──▶ Writer
//	              └─────────────────────────────────────────────────┘
//
// A part is one concern of the bridge, such as availability or Key Refresh. All
// its methods are called in the loop and must not wait. It sees the bridge through
// Host, and other parts only through interfaces that it declares itself.
package part

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/ownnode"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/writer"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Part is one concern of the bridge. A part embeds None and implements the
// methods that it needs.
type Part interface {
	// Requests lists the requests that the part answers. It does not look at the
	// part: the requests can be listed without a bridge.
	Requests() []request.Definition
	// Load reads what the part keeps in the store, before the loop begins. It is
	// the only method that may wait.
	Load() error
	// Start is called when the node has told which nodes are in the network, and
	// everything that stands is to be published.
	Start()
	// Stop is called at the end, when no worker runs any more. What it saves is
	// still written.
	Stop()

	// Event takes an event of the node other than a message.
	Event(e node.Event)
	// Message takes an access message of a known device, unless a part before it
	// in the table has taken it.
	Message(m *Message) (taken bool)
	// Second is called every second; tick counts from 1.
	Second(tick int)

	// Added takes a device that has joined; former is the one that it replaces
	// when the node was provisioned again, or nil.
	Added(d, former *registry.Device)
	// Removed takes a device that is no longer in the registry. replaced says that
	// the same node joins again.
	Removed(d *registry.Device, replaced bool)
	// Renamed takes a device that has another name than before.
	Renamed(d *registry.Device, from string)

	// Announced asks for everything retained about a device to be published.
	Announced(d *registry.Device)
}

// Message is an access message of a device.
type Message struct {
	Element registry.Element
	node.MessageReceived
}

// DeviceAnswer gives the outcome of something that was done to one device.
type DeviceAnswer = request.Answer[document.DeviceReference]

// Informer is a part that has something to say in bridge/info.
type Informer interface{ Info(i *document.Info) }

// HealthReporter is a part that has something to say in bridge/health.
type HealthReporter interface{ Health(h *document.Health) }

// Describer is a part that has something to say about a device in bridge/devices.
type Describer interface {
	Describe(d *registry.Device, to *document.Device)
}

// Loop is what a part sees of the loop.
type Loop interface {
	Now() time.Time
	// Go runs f outside the loop; its context ends when the bridge stops.
	Go(f func(ctx context.Context))
	// Post runs f in the loop. A worker hands its result over with it.
	Post(f func())
	// Context is the one that Go gives.
	Context() context.Context
	// Stopping reports whether nothing new is to be begun.
	Stopping() bool
}

// Mesh is the network as the bridge needs it; *node.Node is one. Its methods wait
// for the node: call them in a worker.
type Mesh interface {
	requester.Mesh
	ownnode.Mesh
	Provision(ctx context.Context, p node.Provision) (state.Peer, error)
	Refresh(ctx context.Context, r node.Refresh) (state.Peer, error)
	CancelProvisioning(ctx context.Context, uuid mesh.UUID, reason string) error
	ProvisioningInput(ctx context.Context, uuid mesh.UUID, value string) error
	Forget(ctx context.Context, uuid mesh.UUID) error
	Shrink(ctx context.Context, uuid mesh.UUID, elements int) error
	Peers(ctx context.Context) ([]state.Peer, error)
	State(ctx context.Context) (*state.Node, error)
	Exclusions(ctx context.Context) ([]node.Exclusion, error)
	ApplicationKey(ctx context.Context, index mesh.KeyIndex) (crypto.Key, error)
	// Keys runs f on the keys of the bridge's own node.
	Keys(ctx context.Context, f func(configuration.Keys) error) error
	BeginIVUpdate(ctx context.Context) error
	EndIVUpdate(ctx context.Context) error
	SetIVTestMode(ctx context.Context, on bool) error
	// NotFollowed returns those of some nodes that have not shown yet that they
	// follow the IV Update in progress, and asks them.
	NotFollowed(ctx context.Context, nodes []mesh.Address) ([]mesh.Address, error)
}

var _ Mesh = (*node.Node)(nil)

// Host is the bridge as its parts see it.
type Host struct {
	Loop      Loop
	Mesh      Mesh
	Own       *ownnode.Node
	Devices   *registry.Devices
	Records   Records
	Publisher *publish.Publisher
	Ledger    *publish.Ledger
	Writer    *writer.Writer
	Messages  *access.Registry
	Requests  *requester.Requesters
	Topics    topic.Topics
	Log       zerolog.Logger
	// Address is the bridge's own, where models publish to.
	Address mesh.Address
	// Radio tells whether anything can be sent; nil for a bridge that does not
	// know its adapters.
	Radio Radio
}

// Radio is the adapters, for what needs one.
type Radio interface {
	// Down returns the error of what needs an adapter while none works, or nil.
	Down() error
	// Explain adds the trouble of the adapters to an error that may come from it.
	Explain(err error) error
}

// RadioDown returns the error of what needs an adapter while none works, or nil.
func (h *Host) RadioDown() error {
	if h.Radio == nil {
		return nil
	}
	return h.Radio.Down()
}

// Explain adds the trouble of the adapters to an error that may come from it.
func (h *Host) Explain(err error) error {
	if h.Radio == nil {
		return err
	}
	return h.Radio.Explain(err)
}

// Requester makes a requester for a device as it is called now.
func (h *Host) Requester(d *registry.Device) *requester.Requester {
	to := h.Requests.For(d.Record)
	to.Offline = d.Offline
	return to
}

// Records changes the registry and the stored records together, and tells the
// parts.
type Records interface {
	// Keep stores the record of a device after a change.
	Keep(d *registry.Device)
	// Adopt makes a device of a node that has been provisioned. Without a name
	// one that was known keeps the name it had, and a new one is named by its
	// UUID.
	Adopt(p state.Peer, name string) *registry.Device
	// Forget removes a device, what it has on the broker and what is stored of it.
	Forget(d *registry.Device)
	// Rename gives a device another name.
	Rename(d *registry.Device, to string)
}

// None does nothing. Parts embed it for the methods that they do not need.
type None struct{}

var _ Part = None{}

// Requests implements Part.
func (None) Requests() []request.Definition { return nil }

// Load implements Part.
func (None) Load() error { return nil }

// Start implements Part.
func (None) Start() {}

// Stop implements Part.
func (None) Stop() {}

// Event implements Part.
func (None) Event(node.Event) {}

// Message implements Part.
func (None) Message(*Message) bool { return false }

// Second implements Part.
func (None) Second(int) {}

// Added implements Part.
func (None) Added(_, _ *registry.Device) {}

// Removed implements Part.
func (None) Removed(*registry.Device, bool) {}

// Renamed implements Part.
func (None) Renamed(*registry.Device, string) {}

// Announced implements Part.
func (None) Announced(*registry.Device) {}
