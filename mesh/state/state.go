// Package state contains the states of a node (Mesh Protocol 1.1, section 4.2)
// as plain data. The Configuration Server changes them, the node uses them, and
// the store keeps them.
//
//	Node ─┬─ Subnets   NetKeys and their key refresh phase
//	      ├─ AppKeys   each bound to one NetKey
//	      └─ Elements ── Models ── bindings, publication, subscriptions
package state

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Feature is the state of a feature: disabled, enabled or not supported
// (sections 4.2.10 to 4.2.13). The values are those on the air.
type Feature uint8

// The values of a Feature.
const (
	Disabled    Feature = 0
	Enabled     Feature = 1
	Unsupported Feature = 2
)

// Retransmit is the number of retransmissions of a PDU and their interval
// (Network Transmit and Relay Retransmit, sections 4.2.20 and 4.2.21).
type Retransmit struct {
	Count uint8 // retransmissions, 0 to 7
	Steps uint8 // 10 ms steps minus one: 0 to 31
}

// Transmit converts the state to the form that the bearer uses.
func (r Retransmit) Transmit() bearer.Transmit {
	return bearer.Transmit{
		Count:    int(r.Count) + 1,
		Interval: time.Duration(r.Steps+1) * 10 * time.Millisecond,
	}
}

// Phase is a subnet's key refresh phase (section 4.2.14).
type Phase uint8

// The phases that are stored; phase 3 is only a transition.
const (
	NormalOperation Phase = 0
	FirstPhase      Phase = 1
	SecondPhase     Phase = 2
)

// Subnet is a NetKey with its index.
type Subnet struct {
	Index  mesh.KeyIndex
	Phase  Phase
	Key    crypto.Key
	NewKey crypto.Key // in phases 1 and 2
}

// AppKey is an application key, bound to one NetKey.
type AppKey struct {
	Index   mesh.KeyIndex
	NetKey  mesh.KeyIndex
	Updated bool
	Key     crypto.Key
	NewKey  crypto.Key // valid if Updated, while the NetKey is refreshed
}

// Publication is a model's Model Publication state (section 4.2.3).
type Publication struct {
	Address    mesh.Address // Unassigned: the model does not publish
	Label      mesh.UUID    // if Address is virtual
	AppKey     mesh.KeyIndex
	Friendship bool     // friendship credentials instead of managed flooding ones
	TTL        mesh.TTL // mesh.DefaultTTL: the node's default TTL
	Period     uint8    // steps (low six bits) and resolution (high two bits)
	Retransmit uint8    // count (low three bits) and 50 ms steps minus one (high five)
}

// Interval is the time between periodic publications, zero for none.
func (p Publication) Interval() time.Duration {
	resolution := [4]time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, 10 * time.Minute}
	return time.Duration(p.Period&0x3F) * resolution[p.Period>>6]
}

// Repeats returns the number of retransmissions of a publication and their
// interval.
func (p Publication) Repeats() (count int, interval time.Duration) {
	return int(p.Retransmit & 0x07), time.Duration(p.Retransmit>>3+1) * 50 * time.Millisecond
}

// Model is the configuration of one model instance.
type Model struct {
	ID            mesh.ModelID
	Bindings      []mesh.KeyIndex
	Subscriptions []mesh.Address
	Labels        []mesh.UUID // labels of the virtual addresses among Subscriptions
	Publication   Publication
	Directed      bool   // publishes with directed forwarding (Directed Publish Policy state)
	Values        []byte // the model's own state, from access.Persistent
}

// IsBound reports whether the model may use the AppKey.
func (m *Model) IsBound(app mesh.KeyIndex) bool { return slices.Contains(m.Bindings, app) }

// IsSubscribed reports whether the model is subscribed to a group or virtual
// address.
func (m *Model) IsSubscribed(a mesh.Address) bool { return slices.Contains(m.Subscriptions, a) }

// Element is the configuration of one element.
type Element struct {
	Location uint16
	Models   []Model
}

// Model returns a model of the element, nil if there is none.
func (e *Element) Model(id mesh.ModelID) *Model {
	for i := range e.Models {
		if e.Models[i].ID == id {
			return &e.Models[i]
		}
	}
	return nil
}

// Node is everything that is configured on a node.
type Node struct {
	UUID      mesh.UUID
	Address   mesh.Address // of the primary element; Unassigned: not provisioned
	DeviceKey crypto.Key
	// DeviceKeyCandidate replaces DeviceKey with the first message encrypted
	// with it (section 3.11.8); zero for none.
	DeviceKeyCandidate crypto.Key
	IVIndex            mesh.IVIndex
	IVUpdate           bool // an IV Update is in progress
	// IVIndexUnknown says that the node got its keys from a file or a backup.
	// It only listens until it learns the IV index, which is IVIndex or higher.
	IVIndexUnknown bool
	// LastAddress is the last unicast address that the node may assign to
	// devices; zero for no limit. Other provisioners assign the addresses
	// above.
	LastAddress mesh.Address

	Subnets []Subnet
	AppKeys []AppKey

	DefaultTTL      mesh.TTL
	NetworkTransmit Retransmit
	Relay           Feature
	RelayRetransmit Retransmit
	Proxy           Feature
	Friend          Feature
	Beacon          bool // Secure Network Beacon state
	PrivateBeacon   PrivateBeacon
	LowPower        bool // the Low Power feature is in use

	// SARTransmitter and SARReceiver are the states of sections 4.2.48 and
	// 4.2.49; nil for the default.
	SARTransmitter *transport.Transmitter
	SARReceiver    *transport.Receiver

	HeartbeatPublication HeartbeatPublication

	// PrivateProxy is the Private GATT Proxy state. OnDemandProxy is for how
	// many seconds the node advertises after a solicitation, 0 for not at all.
	PrivateProxy  Feature
	OnDemandProxy uint8

	Bridge   Bridge
	Directed *Directed // nil: the default

	Solicitations proxy.SolicitationRPL

	Elements []Element
}

// IsProvisioned reports whether the node belongs to a network.
func (n *Node) IsProvisioned() bool { return n.Address != mesh.Unassigned }

// Element returns the element with a unicast address, nil if it is not this
// node's.
func (n *Node) Element(a mesh.Address) *Element {
	i := int(a) - int(n.Address)
	if !n.IsProvisioned() || i < 0 || i >= len(n.Elements) {
		return nil
	}
	return &n.Elements[i]
}

// Subnet returns a subnet by its key index.
func (n *Node) Subnet(index mesh.KeyIndex) *Subnet {
	for i := range n.Subnets {
		if n.Subnets[i].Index == index {
			return &n.Subnets[i]
		}
	}
	return nil
}

// AppKey returns an application key by its index.
func (n *Node) AppKey(index mesh.KeyIndex) *AppKey {
	for i := range n.AppKeys {
		if n.AppKeys[i].Index == index {
			return &n.AppKeys[i]
		}
	}
	return nil
}

// Reset makes the node unprovisioned (section 3.10.7). It removes keys, address
// and the configuration of the models; identity and the models' own states
// stay.
func (n *Node) Reset() {
	*n = Node{
		UUID:            n.UUID,
		DefaultTTL:      n.DefaultTTL,
		NetworkTransmit: n.NetworkTransmit,
		Relay:           n.Relay,
		RelayRetransmit: n.RelayRetransmit,
		Proxy:           n.Proxy,
		Friend:          n.Friend,
		Beacon:          n.Beacon,
		PrivateBeacon:   n.PrivateBeacon,
		LowPower:        n.LowPower,
		SARTransmitter:  n.SARTransmitter,
		SARReceiver:     n.SARReceiver,
		PrivateProxy:    n.PrivateProxy,
		Elements:        n.Elements,
	}
	for e := range n.Elements {
		for m := range n.Elements[e].Models {
			model := &n.Elements[e].Models[m]
			*model = Model{ID: model.ID, Values: model.Values}
		}
	}
}
