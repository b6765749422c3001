package cdb

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Node is a node of the network. Pointers are nil if the value is unknown.
type Node struct {
	UUID            mesh.UUID
	Name            string
	Address         mesh.Address // of the primary element
	DeviceKey       *crypto.Key  // nil only in a partial database
	Security        Security
	NetKeys         []NodeKey
	AppKeys         []NodeKey
	ConfigComplete  bool
	Excluded        bool // must not receive new keys
	CompanyID       *mesh.CompanyID
	ProductID       *uint16
	VersionID       *uint16
	ReplaySize      *uint16
	Features        *Features
	NetworkBeacon   *bool // Secure Network Beacon state
	DefaultTTL      *uint8
	NetworkTransmit *Transmit
	RelayRetransmit *Transmit
	Elements        []Element
	HeartbeatPub    *HeartbeatPublication
	HeartbeatSub    *HeartbeatSubscription
}

// NodeKey says that a node has a key, and whether it has received the new one
// during a refresh.
type NodeKey struct {
	Index   mesh.KeyIndex
	Updated bool
}

// Features have the values of the air: 0 for off, 1 for on and 2 for not
// supported.
type Features struct{ Relay, Proxy, Friend, LowPower *uint8 }

// Transmit is how often a PDU is transmitted, and the interval in milliseconds.
type Transmit struct {
	Count    uint8  // transmissions, 1 to 8
	Interval uint16 // 10 to 320 ms
}

// Element is an element of a node.
type Element struct {
	Name     string
	Index    uint8
	Location uint16
	Models   []Model
}

// Model is a model with its configuration.
type Model struct {
	ID        mesh.ModelID
	Bind      []mesh.KeyIndex
	Subscribe []Destination
	Publish   *Publish
}

// Publish is the publication of a model.
type Publish struct {
	To         Destination
	Index      mesh.KeyIndex
	TTL        uint8  // 0 to 127, 255 for the node's default
	Steps      uint8  // of the period, 0 to 63
	Resolution uint32 // unit of the steps: 100, 1000, 10000 or 600000 ms
	Friendship uint8  // 1: friendship credentials
	Retransmit Retransmit
}

// Retransmit is how often a publication is retransmitted, and the interval in
// milliseconds.
type Retransmit struct {
	Count    uint8  // retransmissions, 0 to 7
	Interval uint16 // 50 to 1600 ms
}

// HeartbeatPublication is where a node sends its heartbeats.
type HeartbeatPublication struct {
	Address  mesh.Address
	Period   uint32 // seconds, a power of two up to 65536
	TTL      uint8
	Index    mesh.KeyIndex // of the NetKey
	Features []string      // features whose change triggers one: relay, proxy, friend, lowPower
}

// HeartbeatSubscription says which heartbeats a node receives.
type HeartbeatSubscription struct{ Source, Destination mesh.Address }

func nodeFields(c *codec, n *Node) {
	c.uuid("UUID", &n.UUID)
	c.text("name", optional, &n.Name)
	word(c, "unicastAddress", required, &n.Address)
	c.maybeKey("deviceKey", optional, &n.DeviceKey)
	c.security("security", &n.Security)
	list(c, "netKeys", required, &n.NetKeys, nodeKeyFields)
	list(c, "appKeys", emptyToo(c), &n.AppKeys, nodeKeyFields)
	c.boolean("configComplete", &n.ConfigComplete)
	maybeWord(c, "cid", &n.CompanyID)
	maybeWord(c, "pid", &n.ProductID)
	maybeWord(c, "vid", &n.VersionID)
	maybeWord(c, "crpl", &n.ReplaySize)
	inner(c, "features", &n.Features, func(c *codec, f *Features) {
		maybe(c, "relay", 0, 2, &f.Relay)
		maybe(c, "proxy", 0, 2, &f.Proxy)
		maybe(c, "friend", 0, 2, &f.Friend)
		maybe(c, "lowPower", 0, 2, &f.LowPower)
	})
	c.flag("secureNetworkBeacon", &n.NetworkBeacon)
	maybe(c, "defaultTTL", 0, 127, &n.DefaultTTL)
	inner(c, "networkTransmit", &n.NetworkTransmit, transmitFields)
	inner(c, "relayRetransmit", &n.RelayRetransmit, transmitFields)
	list(c, "elements", required, &n.Elements, elementFields)
	if c.reading() && c.in["excluded"] == nil && c.in["blacklisted"] != nil {
		c.in["excluded"] = c.in["blacklisted"] // before version 1.0
	}
	c.boolean("excluded", &n.Excluded)
	inner(c, "heartbeatPub", &n.HeartbeatPub, heartbeatPubFields)
	inner(c, "heartbeatSub", &n.HeartbeatSub, func(c *codec, s *HeartbeatSubscription) {
		word(c, "source", required, &s.Source)
		word(c, "destination", required, &s.Destination)
	})
}

func nodeKeyFields(c *codec, k *NodeKey) {
	c.keyIndex("index", &k.Index)
	c.boolean("updated", &k.Updated)
}

func transmitFields(c *codec, t *Transmit) {
	number(c, "count", required, 1, 8, &t.Count)
	number(c, "interval", required, 10, 320, &t.Interval)
}

func elementFields(c *codec, e *Element) {
	c.text("name", optional, &e.Name)
	number(c, "index", required, 0, 255, &e.Index)
	word(c, "location", required, &e.Location)
	list(c, "models", required, &e.Models, modelFields)
}

func modelFields(c *codec, m *Model) {
	c.scalar("modelId", required, "a model of four hexadecimal digits, or of eight with its company",
		func() (any, bool) { return modelText(m.ID), true },
		func(v any) (ok bool) {
			m.ID, ok = parseModel(v)
			return ok
		})
	values(c, "subscribe", required, "a group address of four hexadecimal digits, or a label of 32", &m.Subscribe,
		func(d Destination) any { return d.text() },
		func(v any) (Destination, bool) {
			d, ok := destination(v)
			return d, ok && (d.Address.IsGroup() || d.Address.IsVirtual())
		})
	inner(c, "publish", &m.Publish, publishFields)
	values(c, "bind", required, expectKeyIndex, &m.Bind, func(k mesh.KeyIndex) any { return uint16(k) }, keyIndex)
}

func modelText(id mesh.ModelID) string {
	if id.IsVendor() {
		return fmt.Sprintf("%08X", uint32(id))
	}
	return digits(id.Number())
}

func parseModel(v any) (mesh.ModelID, bool) {
	s, _ := v.(string)
	n, err := strconv.ParseUint(s, 16, 32)
	switch {
	case err != nil:
		return 0, false
	case len(s) == 4:
		return mesh.SIGModel(uint16(n)), true
	default:
		return mesh.ModelID(n), len(s) == 8 && mesh.ModelID(n).IsVendor()
	}
}

func publishFields(c *codec, p *Publish) {
	c.destination("address", required, &p.To)
	c.keyIndex("index", &p.Index)
	c.scalar("ttl", required, "a number from 0 to 127, or 255", func() (any, bool) { return p.TTL, true }, func(v any) bool {
		n, ok := integer(v, 0, 255)
		p.TTL = uint8(n)
		return ok && (n <= 127 || n == 255)
	})
	c.period(p)
	number(c, "credentials", required, 0, 1, &p.Friendship)
	retransmit := &p.Retransmit
	inner(c, "retransmit", &retransmit, func(c *codec, r *Retransmit) {
		number(c, "count", required, 0, 7, &r.Count)
		number(c, "interval", required, 50, 1600, &r.Interval)
	})
	p.Retransmit = *retransmit
}

// period visits steps and resolution. Before version 1.0 it was one number of
// milliseconds.
func (c *codec) period(p *Publish) {
	if !c.reading() {
		out := &object{}
		out.put("numberOfSteps", p.Steps)
		out.put("resolution", p.Resolution)
		c.out.put("period", out)
		return
	}
	const expected = "a period with numberOfSteps from 0 to 63 and resolution 100, 1000, 10000 or 600000"
	v, ok := c.take("period", required, expected)
	if !ok {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		in := codec{path: c.at("period"), in: v, problems: c.problems}
		number(&in, "numberOfSteps", required, 0, 63, &p.Steps)
		in.scalar("resolution", required, "100, 1000, 10000 or 600000", nil, func(v any) bool {
			n, ok := integer(v, 100, 600000)
			p.Resolution = uint32(n)
			return ok && (n == 100 || n == 1000 || n == 10000 || n == 600000)
		})
	case json.Number:
		const longest = 63 * 600000
		if n, ok := integer(v, 0, longest); ok {
			for _, resolution := range resolutions() {
				if n%resolution == 0 && n/resolution <= 63 {
					p.Steps, p.Resolution = uint8(n/resolution), uint32(resolution)
					return
				}
			}
		}
		c.complain("period", expected, v)
	default:
		c.complain("period", expected, v)
	}
}

// resolutions are those of a publish period (section 4.2.3.3), in milliseconds.
func resolutions() []int64 { return []int64{100, 1000, 10000, 600000} }

func heartbeatPubFields(c *codec, h *HeartbeatPublication) {
	word(c, "address", required, &h.Address)
	number(c, "period", required, 0, 65536, &h.Period)
	number(c, "ttl", required, 0, 127, &h.TTL)
	c.keyIndex("index", &h.Index)
	names := []string{"relay", "proxy", "friend", "lowPower"}
	values(c, "features", emptyToo(c), "one of "+strings.Join(names, ", "), &h.Features,
		func(s string) any { return s }, func(v any) (string, bool) {
			for _, name := range names {
				if v == name {
					return name, true
				}
			}
			return "", false
		})
}
