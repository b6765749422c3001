package fake

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// keyHolder is a foundation.Host that holds only a state.
type keyHolder struct{ node *state.Node }

func (h keyHolder) State() *state.Node                 { return h.node }
func (h keyHolder) Edit(change func(*state.Node) bool) { change(h.node) }
func (keyHolder) Reset() error                         { return nil }

// own returns the state of the bridge's own node.
type own struct {
	node     *state.Node
	begun    bool
	testMode bool
}

func newOwn() own {
	return own{node: &state.Node{UUID: mesh.UUID{0xb0}, Address: 1, IVIndex: 5}}
}

// SetIVIndex changes the IV index of the network.
func (n *Network) SetIVIndex(index mesh.IVIndex, updating bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.own.node.IVIndex, n.own.node.IVUpdate = index, updating
}

// begin makes the keys of the network from the keys in the fields.
func (n *Network) begin() {
	if !n.own.begun {
		n.own.begun = true
		n.own.node.DeviceKey = n.DeviceKey
		n.own.node.Subnets = []state.Subnet{{Key: crypto.Key{0xAA}}}
		n.own.node.AppKeys = []state.AppKey{{Key: n.AppKey}}
	}
}

func (o *own) summary() node.Summary {
	s := node.Summary{
		UUID:         o.node.UUID,
		Address:      o.node.Address,
		Elements:     1,
		IVIndex:      o.node.IVIndex,
		IVUpdate:     o.node.IVUpdate,
		IV:           node.IVSummary{TestMode: o.testMode},
		SequenceLeft: int(mesh.MaxSequenceNumber) / 2,
	}
	for _, k := range o.node.Subnets {
		s.NetKeys = append(s.NetKeys, k.Index)
		subnet := node.SubnetSummary{NetKey: k.Index, Phase: k.Phase}
		for _, app := range o.node.AppKeys {
			if app.NetKey == k.Index {
				subnet.AppKeys = append(subnet.AppKeys, app.Index)
			}
		}
		s.Subnets = append(s.Subnets, subnet)
	}
	for _, k := range o.node.AppKeys {
		s.AppKeys = append(s.AppKeys, k.Index)
	}
	return s
}

// Keys calls f with the keys of the bridge's own node.
func (n *Network) Keys(_ context.Context, f func(configuration.Keys) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begin()
	return f(configuration.Keys{Host: keyHolder{n.own.node}})
}

// BeginIVUpdate needs the test mode, because the network is new.
func (n *Network) BeginIVUpdate(context.Context) error { return n.moveIV(true) }

// EndIVUpdate also needs the test mode.
func (n *Network) EndIVUpdate(context.Context) error { return n.moveIV(false) }

func (n *Network) moveIV(update bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch o := &n.own; {
	case o.node.IVUpdate && update:
		return node.ErrIVUpdating
	case !o.node.IVUpdate && !update:
		return node.ErrIVNormal
	case !o.testMode:
		return node.ErrIVTooEarly
	case update:
		o.node.IVIndex++
		fallthrough
	default:
		o.node.IVUpdate = update
	}
	return nil
}

// SetIVTestMode switches the test mode on or off.
func (n *Network) SetIVTestMode(_ context.Context, on bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.own.testMode = on
	return nil
}

// NotFollowed returns the nodes that are silent.
func (n *Network) NotFollowed(_ context.Context, nodes []mesh.Address) ([]mesh.Address, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.own.node.IVUpdate {
		return nil, node.ErrIVNormal
	}
	var missing []mesh.Address
	for _, a := range nodes {
		if d := n.holder(a); d == nil || d.Silent() {
			missing = append(missing, a)
		}
	}
	return missing, nil
}

// Own returns the state of the bridge's own node.
func (n *Network) Own() *state.Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begin()
	return n.own.node
}

// Knows reports whether a node is in the network.
func (n *Network) Knows(uuid mesh.UUID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[uuid] != nil
}

// joined gives the node the present keys of the network.
func (d *Node) joined(o *own) {
	d.keys = configuration.Keys{Host: keyHolder{&state.Node{}}}
	for _, k := range o.node.Subnets {
		d.keys.State().Subnets = append(d.keys.State().Subnets, state.Subnet{Index: k.Index, Key: k.Sending()})
	}
}

// Keys returns the state with the keys of the node.
func (d *Node) Keys() *state.Node {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.keys.State()
}

// answerKeys answers the messages about keys like a Configuration Server. It
// returns nil for other messages.
func (d *Node) answerKeys(m Message) access.Message {
	switch m.Opcode {
	case configuration.OpNetKeyAdd:
		in := Decode[configuration.NetKeyAdd](m)
		return netStatus(in.NetKeyIndex, d.keys.AddNetKey(in.NetKeyIndex, in.NetKey))
	case configuration.OpNetKeyUpdate:
		in := Decode[configuration.NetKeyUpdate](m)
		return netStatus(in.NetKeyIndex, d.keys.UpdateNetKey(in.NetKeyIndex, in.NetKey))
	case configuration.OpNetKeyDelete:
		in := Decode[configuration.NetKeyDelete](m)
		return netStatus(in.NetKeyIndex, d.keys.DeleteNetKey(in.NetKeyIndex, d.netKey))
	case configuration.OpAppKeyAdd:
		in := Decode[configuration.AppKeyAdd](m)
		return appStatus(in.NetKeyIndex, in.AppKeyIndex, d.keys.AddAppKey(in.NetKeyIndex, in.AppKeyIndex, in.AppKey))
	case configuration.OpAppKeyUpdate:
		in := Decode[configuration.AppKeyUpdate](m)
		return appStatus(in.NetKeyIndex, in.AppKeyIndex, d.keys.UpdateAppKey(in.NetKeyIndex, in.AppKeyIndex, in.AppKey))
	case configuration.OpAppKeyDelete:
		in := Decode[configuration.AppKeyDelete](m)
		return appStatus(in.NetKeyIndex, in.AppKeyIndex, d.keys.DeleteAppKey(in.NetKeyIndex, in.AppKeyIndex))
	case configuration.OpKeyRefreshPhaseSet:
		in := Decode[configuration.KeyRefreshPhaseSet](m)
		status := d.keys.SetPhase(in.NetKeyIndex, in.Transition)
		answer := &configuration.KeyRefreshPhaseStatus{Status: status, NetKeyIndex: in.NetKeyIndex}
		if k := d.keys.State().Subnet(in.NetKeyIndex); k != nil {
			answer.Phase = k.Phase
		}
		return answer
	}
	return nil
}

func netStatus(index mesh.KeyIndex, s foundation.Status) access.Message {
	return &configuration.NetKeyStatus{Status: s, NetKeyIndex: index}
}

func appStatus(net, index mesh.KeyIndex, s foundation.Status) access.Message {
	return &configuration.AppKeyStatus{Status: s, NetKeyIndex: net, AppKeyIndex: index}
}
