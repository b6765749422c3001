package gatt

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file is the proxy configuration messages (section 6.6), which client and
// server send each other, and what arrives over a connection beside them.

// Layers are the network and transport layers.
type Layers interface {
	OpenConfiguration(pdu []byte, p *network.PDU) bool
	// AcceptConfiguration reports whether a configuration message is new.
	AcceptConfiguration(p *network.PDU) bool
	// IsNew reports whether a network PDU is newer than what was accepted from its
	// source.
	IsNew(p *network.PDU) bool
	OpenSolicitation(pdu []byte, p *network.PDU) bool
}

// Node takes what arrives over a connection to where it belongs.
type Node interface {
	ReceiveNetwork(pdu []byte, o part.Origin)
	ReceiveBeacon(pdu []byte, o part.Origin)
}

// Subnets knows the subnets of the node.
type Subnets interface {
	Subnets() []*keys.Subnet
	Subnet(index mesh.KeyIndex) *keys.Subnet
}

// exchange is what client and server share: the handling of configuration messages.
type exchange struct {
	host     part.Host
	links    *Connections
	layers   Layers
	node     Node
	subnets  Subnets
	sequence transport.Sequencer
	iv       IVIndex
	replayed uint64
}

// receive hands on network PDUs and beacons. It returns false for messages that do
// not belong on a proxy connection.
func (x *exchange) receive(l *Link, kind proxy.MessageType, message []byte, fromClient bool) bool {
	o := part.Origin{Link: l.ID, FromClient: fromClient, Adapter: l.Adapter, RSSI: part.UnknownRSSI}
	switch {
	case kind == proxy.NetworkPDU:
		x.node.ReceiveNetwork(message, o)
	case kind == proxy.MeshBeacon && len(message) > 0 && beacon.Type(message[0]) != beacon.TypeUnprovisioned:
		x.node.ReceiveBeacon(message, o)
	default: // a device that is not provisioned has no connection to a proxy
		return false
	}
	return true
}

// verdict is what a configuration message turned out to be.
type verdict uint8

const (
	unreadable verdict = iota // under no key of this node
	own                       // from this very node
	replayed                  // not new
	strange                   // of no known form
	usable
)

// open opens a configuration message.
func (x *exchange) open(pdu []byte) (p network.PDU, m proxy.Message, v verdict) {
	var err error
	switch {
	case !x.layers.OpenConfiguration(pdu, &p):
		return p, m, unreadable
	case x.host.State().Element(p.Src) != nil:
		return p, m, own
	case !x.layers.AcceptConfiguration(&p):
		x.replayed++
		return p, m, replayed
	}
	if m, err = proxy.ParseMessage(p.Transport); err != nil {
		x.links.counters.Faults++
		return p, m, strange
	}
	return p, m, usable
}

// send seals a configuration message and sends it.
func (x *exchange) send(l *Link, netKey mesh.KeyIndex, m proxy.Message) {
	s := x.subnets.Subnet(netKey)
	if s == nil {
		return
	}
	seq, iv, err := x.sequence.Next()
	if err != nil {
		x.host.CountUnsent(err)
		return
	}
	pdu, err := s.Transmit.SealProxy(nil, &network.PDU{
		IVIndex: iv, Seq: seq, Src: x.host.State().Address, Transport: m.Append(nil),
	})
	if err != nil {
		x.host.CountUnsent(err)
		return
	}
	x.links.Write(l, proxy.Configuration, pdu)
}
