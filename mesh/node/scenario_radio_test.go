package node_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file is the inputs of a script that come over the radio, of somebody who
// is no node of the script and has its keys.

func (s *scenario) number(key string, otherwise int) int {
	n, err := strconv.ParseInt(s.arg(key, strconv.Itoa(otherwise)), 0, 64)
	if err != nil {
		s.Fatalf("%s: %v", key, err)
	}
	return int(n)
}

func (s *scenario) has(flag string) bool {
	_, ok := s.d.Arg(flag)
	return ok
}

// pdus are the sealed network PDUs of the message in the input: from=, to=, seq=,
// ttl=, iv=, net=, app= or device=, and "new-key".
func (s *scenario) pdus() ([][]byte, error) {
	src, dst := s.destination(s.arg("from", "")), s.destination(s.arg("to", ""))
	net, err := s.analyst.net(mesh.KeyIndex(s.number("net", 0)), s.has("new-key"))
	if err != nil {
		return nil, err
	}
	seq := constant{seq: mesh.SequenceNumber(s.number("seq", 0)), iv: mesh.IVIndex(s.number("iv", 0))}
	ttl := mesh.TTL(s.number("ttl", 5))
	var plain []network.PDU
	if strings.HasPrefix(s.d.Input, "Heartbeat") {
		beat := heartbeat.Message{InitTTL: mesh.TTL(s.number("init", int(ttl)))}
		plain = []network.PDU{{
			IVIndex: seq.iv, CTL: true, TTL: ttl, Seq: seq.seq, Src: src, Dst: dst,
			Transport: append([]byte{heartbeat.Opcode}, beat.Append(nil)...),
		}}
	} else {
		out := transport.AccessOut{Src: src, Dst: dst, NetKey: net.index, TTL: ttl, Payload: s.messageInput()}
		out.Key.App = mesh.KeyIndex(s.number("app", 0))
		if owner := s.arg("device", ""); owner != "" {
			out.Key.Device = s.destination(owner)
		}
		layer := transport.New(transport.Config{Keys: s.analyst, Sequencer: seq, TTL: ttl})
		if plain, err = layer.Compose(&out); err != nil {
			return nil, err
		}
	}
	var sealed [][]byte
	for i := range plain {
		plain[i].Seq = seq.seq + mesh.SequenceNumber(i)
		pdu, err := net.flooding.Seal(nil, &plain[i])
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, pdu)
	}
	return sealed, nil
}

// hears gives a node a PDU from the advertising bearer.
func (s *scenario) hears(m *member, kind bearer.Kind, pdu []byte) {
	in := bearer.Incoming{Kind: kind, RSSI: -60, Len: uint8(len(pdu))}
	copy(in.Data[:], pdu)
	m.Receive(s.now, &in)
}

// receive is a message that a node hears: "receive plug from=0x0005 to=plug seq=7".
func (s *scenario) receive() error {
	return s.on(func(m *member) error {
		all, err := s.pdus()
		for i, pdu := range all {
			s.hears(m, bearer.Message, pdu)
			if i < len(all)-1 {
				s.carryOut(m)
			}
		}
		return err
	})
}

// beacon is a beacon that a node hears: "beacon plug [private] [net=0] [iv=1]
// [update] [refresh] [new-key] [forged]".
func (s *scenario) beacon() error {
	return s.on(func(m *member) error {
		index := mesh.KeyIndex(s.number("net", 0))
		secret := netKeyOf(index)
		switch {
		case s.has("forged"):
			secret = key("nobody has this key")
		case s.has("new-key"):
			secret = newKeyOf(index)
		}
		keys := beacon.NewKeys(secret)
		said := beacon.State{IVIndex: mesh.IVIndex(s.number("iv", 0)), IVUpdate: s.has("update"), KeyRefresh: s.has("refresh")}
		pdu := keys.AppendSecure(nil, said)
		if s.has("private") {
			pdu = keys.AppendPrivate(nil, said, [13]byte{1, 2, 3})
		}
		s.hears(m, bearer.Beacon, pdu)
		return nil
	})
}

// unprovisioned is the beacon of a device: "unprovisioned gateway device=stranger".
func (s *scenario) unprovisioned() error {
	return s.on(func(m *member) error {
		b := beacon.Unprovisioned{UUID: uuidOf(s.arg("device", ""))}
		s.hears(m, bearer.Beacon, b.Append(nil))
		return nil
	})
}

// sighting is an advertisement of a service that a node sees: "sighting gateway
// proxy=network", proxy=node with node=, "device=stranger", or "solicitation from= seq=".
func (s *scenario) sighting() error {
	return s.on(func(m *member) error {
		k, err := s.analyst.net(mesh.KeyIndex(s.number("net", 0)), false)
		if err != nil {
			return err
		}
		seen := bearer.Sighting{
			Service: bearer.ProxyService, Connectable: true, RSSI: int8(s.number("rssi", -60)),
			From: bearer.Peer{Random: true, Address: [6]byte{0xC0, 0, 0, 0, 9, byte(s.number("peer", 1))}},
		}
		var data []byte
		switch {
		case s.has("device"):
			seen.Service = bearer.ProvisioningService
			data = proxy.DeviceServiceData(uuidOf(s.arg("device", "")), 0)
		case s.has("solicitation"):
			seen.Service = bearer.SolicitationService
			pdu, err := k.flooding.SealSolicitation(nil, mesh.SequenceNumber(s.number("seq", 0)), s.destination(s.arg("from", "")))
			if err != nil {
				return err
			}
			data = proxy.SolicitationData(pdu)
		case s.arg("proxy", "") == "network":
			data = k.identity.ServiceData(proxy.NetworkID, [8]byte{}, mesh.Unassigned)
		case s.arg("proxy", "") == "node":
			data = k.identity.ServiceData(proxy.NodeIdentity, [8]byte{1}, s.destination(s.arg("node", "")))
		default:
			return errors.New("expected proxy=network, proxy=node, device= or solicitation")
		}
		seen.Len = uint8(copy(seen.Data[:], data))
		m.ReceiveSighting(s.now, &seen)
		return nil
	})
}

// linkName is a connection of a node.
type linkName struct {
	node string
	id   bearer.LinkID
}

// proxyWriter numbers the configuration messages of one who has a connection.
type proxyWriter struct{ seq mesh.SequenceNumber }

// link is an event of a connection: "link plug open|close|config|message|octets
// [id=in1]". What is written on it is of the one at the other end.
func (s *scenario) link() error {
	return s.on(func(m *member) error {
		id, err := parseLink(s.arg("id", "in1"))
		if err != nil {
			return err
		}
		e := bearer.LinkEvent{ID: id, Service: bearer.ProxyService, MaxPDU: s.number("room", 66)}
		if s.arg("service", "") == "provisioning" {
			e.Service = bearer.ProvisioningService
		}
		e.From = bearer.Peer{Address: [6]byte{0xC0, 0, 0, 0, 9, byte(id)}}
		event := s.d.CmdArgs[1].Key
		switch event {
		case "open":
			m.ReceiveLink(s.now, &e)
			return nil
		case "close":
			e.Kind, e.Err = bearer.LinkClosed, errors.New("the peer is gone")
			m.ReceiveLink(s.now, &e)
			return nil
		}
		kind, messages, err := s.written(m, id, event)
		e.Kind = bearer.LinkData
		for _, message := range messages {
			for _, pdu := range proxy.Split(nil, kind, message, e.MaxPDU) {
				e.PDU = pdu
				m.ReceiveLink(s.now, &e)
			}
		}
		return err
	})
}

func parseLink(text string) (bearer.LinkID, error) {
	var n uint32
	if _, err := fmt.Sscanf(text, "in%d", &n); err == nil {
		return bearer.FirstIncoming + bearer.LinkID(n) - 1, nil
	}
	_, err := fmt.Sscanf(text, "out%d", &n)
	return bearer.LinkID(n), err
}

// written is what the one at the other end of a connection says.
func (s *scenario) written(m *member, id bearer.LinkID, event string) (proxy.MessageType, [][]byte, error) {
	switch event {
	case "message":
		all, err := s.pdus()
		return proxy.NetworkPDU, all, err
	case "octets":
		return proxy.NetworkPDU, [][]byte{[]byte(s.arg("are", "nonsense"))}, nil
	case "config":
	default:
		return 0, nil, errors.New("expected open, close, config, message or octets")
	}
	w := s.links[linkName{m.name, id}]
	if w == nil {
		w = &proxyWriter{}
		s.links[linkName{m.name, id}] = w
	}
	w.seq++
	var c proxy.Message
	list := func(key string) (all []mesh.Address) {
		a, _ := s.d.Arg(key)
		for _, v := range a.Vals {
			address, err := mesh.ParseAddress(v)
			if err != nil {
				s.Fatal(err)
			}
			all = append(all, address)
		}
		return all
	}
	switch {
	case s.arg("filter", "") == "reject":
		c = proxy.SetFilterType{Type: proxy.RejectList}
	case s.arg("filter", "") == "accept":
		c = proxy.SetFilterType{Type: proxy.AcceptList}
	case s.has("add"):
		c = proxy.AddAddresses{Addresses: list("add")}
	case s.has("remove"):
		c = proxy.RemoveAddresses{Addresses: list("remove")}
	case s.has("status"):
		c = proxy.FilterStatus{Type: proxy.AcceptList, Size: uint16(s.number("status", 0))}
	}
	k, err := s.analyst.net(0, false)
	if err != nil {
		return 0, nil, err
	}
	src := s.destination(s.arg("from", "0x0700"))
	seq := mesh.SequenceNumber(s.number("seq", int(w.seq)))
	pdu, err := k.flooding.SealProxy(nil, &network.PDU{Seq: seq, Src: src, Transport: c.Append(nil)})
	return proxy.Configuration, [][]byte{pdu}, err
}
