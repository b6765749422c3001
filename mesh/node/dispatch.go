package node

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// memory is the memory for an input of one kind. No kind comes in the middle of an
// input of its own kind.
func (c *Core) memory(kind part.Inputs) *part.Input { return &c.inputs[kind.Index()] }

// dispatch hands an input to the parts that take its kind, in the order of the
// table, until one says that no other needs it.
func (c *Core) dispatch(in *part.Input) {
	for _, p := range c.takers[in.Kind.Index()] {
		if p.Input(in) {
			return
		}
	}
}

// inlet is where the layers below hand in what has arrived.
type inlet struct{ c *Core }

// Compile-time checks: the router and the connections hand in through these.
var (
	_ router.Receiver = inlet{}
	_ gatt.Node       = inlet{}
)

// ListensTo implements router.Receiver.
func (i inlet) ListensTo(dst mesh.Address) bool {
	c := i.c
	return c.options.Monitor && !dst.IsVirtual() || c.parts.models.ListensTo(dst) || c.parts.heartbeats.ListensTo(dst)
}

// ReceiveMessage implements router.Receiver.
func (i inlet) ReceiveMessage(m *part.AccessMessage) {
	c := i.c
	c.parts.keys.AdoptCandidate(m)
	if c.options.Monitor {
		c.host.Report(part.MessageReceived{
			Src: m.Src, Dst: m.Dst,
			NetKey: m.NetKey, AppKey: m.Key.App, DeviceKey: m.Key.IsDevice(),
			TTL: m.TTL, RSSI: m.Origin.RSSI,
			Opcode: m.Opcode, Params: slices.Clone(m.Params),
		})
	}
	in := c.memory(part.Message)
	in.Message, in.Origin = m, m.Origin
	c.dispatch(in)
}

// ReceiveControl implements router.Receiver.
func (i inlet) ReceiveControl(m *part.ControlMessage) {
	in := i.c.memory(part.Control)
	in.Control, in.Origin = m, m.Origin
	i.c.dispatch(in)
}

// ReceiveDelivery implements router.Receiver.
func (i inlet) ReceiveDelivery(d *transport.Delivery) {
	in := i.c.memory(part.Delivery)
	in.Delivery = d
	i.c.dispatch(in)
}

// ReceiveNetwork implements gatt.Node: a network PDU over a connection.
func (i inlet) ReceiveNetwork(pdu []byte, o part.Origin) { i.c.router.Receive(pdu, o) }

// ReceiveBeacon implements gatt.Node: a beacon over a connection, or from the
// radio.
func (i inlet) ReceiveBeacon(pdu []byte, o part.Origin) {
	in := i.c.memory(part.Beacon)
	in.PDU, in.Origin = pdu, o
	i.c.dispatch(in)
}
