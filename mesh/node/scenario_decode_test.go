package node_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/catalog"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file reads what nodes send. The reader has had a look at the state of every
// node and knows all keys that any of them ever had.

// analyst knows all keys of a script.
type analyst struct {
	*scenario
	registry *access.Registry
	netKeys  []netKey
	appKeys  []transport.AppKey
	devices  []transport.DeviceKey
	labels   []mesh.UUID
	counters map[mesh.Address]uint16 // of Friend Requests, by Low Power node
	seen     map[crypto.Key]bool
	segments map[string][]network.PDU // of messages, by source and SeqZero
}

// netKey is a network key with what follows from it.
type netKey struct {
	index    mesh.KeyIndex
	key      crypto.Key
	flooding *network.Credentials
	friends  []*network.Credentials
	beacons  *beacon.Keys
	identity *proxy.Identity
}

func newAnalyst(s *scenario) *analyst {
	registry, err := access.NewRegistry(catalog.Messages(), generic.Messages(), light.Messages(), sensor.Messages())
	if err != nil {
		s.Fatal(err)
	}
	return &analyst{
		scenario: s, registry: registry,
		counters: map[mesh.Address]uint16{}, seen: map[crypto.Key]bool{}, segments: map[string][]network.PDU{},
	}
}

// learn takes over the keys of a node.
func (a *analyst) learn(m *member) {
	n := m.State()
	for _, k := range n.Subnets {
		a.learnNetKey(k.Index, k.Key)
		a.learnNetKey(k.Index, k.NewKey)
	}
	for _, k := range n.AppKeys {
		for _, key := range []crypto.Key{k.Key, k.NewKey} {
			if !key.IsZero() && !a.seen[key] {
				a.seen[key] = true
				a.appKeys = append(a.appKeys, transport.AppKey{Index: k.Index, AID: crypto.AID(key), Cipher: crypto.NewCCM(key)})
			}
		}
	}
	for _, key := range []crypto.Key{n.DeviceKey, n.DeviceKeyCandidate} {
		if n.IsProvisioned() && !key.IsZero() && !a.seen[key] {
			a.seen[key] = true
			a.devices = append(a.devices, transport.DeviceKey{Owner: n.Address, Cipher: crypto.NewCCM(key)})
		}
	}
	for i := range n.Elements {
		for j := range n.Elements[i].Models {
			a.labels = append(a.labels, n.Elements[i].Models[j].Labels...)
		}
	}
}

func (a *analyst) learnNetKey(index mesh.KeyIndex, key crypto.Key) {
	if key.IsZero() || a.seen[key] {
		return
	}
	a.seen[key] = true
	a.netKeys = append(a.netKeys, netKey{
		index: index, key: key, flooding: network.Flooding(key), beacons: beacon.NewKeys(key), identity: proxy.NewIdentity(key),
	})
}

// receiver opens network PDUs of all subnets.
func (a *analyst) receiver(iv mesh.IVIndex) *network.Receiver {
	r := network.NewReceiver(network.Config{IVIndex: iv})
	of := map[mesh.KeyIndex][]*network.Credentials{}
	for _, k := range a.netKeys {
		of[k.index] = append(append(of[k.index], k.flooding), k.friends...)
	}
	for index, all := range of {
		r.AddSubnet(index, all...)
	}
	return r
}

// outgoing is what a node advertises.
func (a *analyst) outgoing(m *member, o *bearer.Outgoing) string {
	switch o.Kind {
	case bearer.Message:
		return laneName(o.Lane) + ": " + a.networkPDU(m.State().IVIndex, o.PDU())
	case bearer.Beacon:
		return a.beaconPDU(o.PDU())
	case bearer.Provisioning:
		return provisioningPDU(o.PDU())
	case bearer.Solicitation:
		var p network.PDU
		if pdu, ok := proxy.ParseSolicitationData(o.PDU()); ok && a.receiver(0).OpenSolicitation(pdu, &p) {
			return fmt.Sprintf("from %s seq=%d net=%d", p.Src, p.Seq, p.NetKey)
		}
	}
	return "unreadable"
}

// networkPDU reads a network PDU down to its message.
func (a *analyst) networkPDU(iv mesh.IVIndex, octets []byte) string {
	var p network.PDU
	if a.receiver(iv).Open(octets, &p) != network.Fresh {
		return "not under a key of this network"
	}
	p.Transport = slices.Clone(p.Transport)
	text := fmt.Sprintf("%s>%s seq=%d ttl=%d", p.Src, p.Dst, p.Seq, p.TTL)
	if p.IVIndex != 0 {
		text += fmt.Sprintf(" iv=%d", p.IVIndex)
	}
	if p.NetKey != 0 {
		text += fmt.Sprintf(" net=%d", p.NetKey)
	}
	keys := 0
	for _, k := range a.netKeys {
		if k.index != p.NetKey {
			continue
		}
		if k.flooding == p.By && keys > 0 {
			text += " (new key)"
		}
		if slices.Contains(k.friends, p.By) {
			text += " (friendship)"
		}
		keys++
	}
	return text + " " + a.lower(&p)
}

// lower reads a lower transport PDU.
func (a *analyst) lower(p *network.PDU) string {
	segmented, opcode := p.Transport[0]&0x80 != 0, p.Transport[0]&0x7F
	switch {
	case p.CTL && !segmented && opcode == 0:
		b := binary.BigEndian.Uint16(p.Transport[1:])
		return fmt.Sprintf("Segment Acknowledgment seqzero=%d block=%b", b>>2&0x1FFF, binary.BigEndian.Uint32(p.Transport[3:]))
	case p.CTL && !segmented:
		return a.control(p, opcode, p.Transport[1:])
	case !segmented:
		return a.upper([]network.PDU{*p})
	}
	b := binary.BigEndian.Uint32(p.Transport[:4])
	zero, at, last := b>>10&0x1FFF, b>>5&0x1F, b&0x1F
	id := fmt.Sprintf("%s %d %d", p.Src, zero, p.NetKey)
	if !slices.ContainsFunc(a.segments[id], func(o network.PDU) bool { return string(o.Transport) == string(p.Transport) }) {
		a.segments[id] = append(a.segments[id], *p)
	}
	text := fmt.Sprintf("segment %d of 0..%d seqzero=%d", at, last, zero)
	if at == last {
		text += ": " + a.upper(a.segments[id])
	}
	return text
}

// upper reads the access message that PDUs make.
func (a *analyst) upper(pdus []network.PDU) string {
	layer := transport.New(transport.Config{Keys: a, Sequencer: constant{}, Sources: 4})
	var out transport.Output
	for i := range pdus {
		layer.Receive(start, &pdus[i], &out)
	}
	if len(out.Access) == 0 {
		return "(not under a known key)"
	}
	m := &out.Access[0]
	key := fmt.Sprintf("app=%d", m.Key.App)
	if m.Key.IsDevice() {
		key = "device=" + m.Key.Device.String()
	}
	op, params, err := access.ParseOpcode(m.Payload)
	if err != nil {
		return err.Error()
	}
	return key + " " + a.message(op, params)
}

const longestMessage = 110

// message names an access message and its fields.
func (a *analyst) message(op mesh.Opcode, params []byte) string {
	m, err := a.registry.DecodeParams(op, params)
	if err != nil {
		return fmt.Sprintf("opcode %s, %d octets", op, len(params))
	}
	text := a.registry.Name(op)
	fields, err := access.ToJSON(m)
	if err != nil {
		return text + ": " + err.Error()
	}
	if string(fields) != "{}" {
		text += " " + string(fields)
	}
	if len(text) > longestMessage {
		text = text[:longestMessage] + "..."
	}
	return text
}

// control names a transport control message. What cannot be read is shown as zero.
func (a *analyst) control(p *network.PDU, op uint8, params []byte) string {
	switch op {
	case friend.OpPoll:
		m, _ := friend.ParsePoll(params)
		return fmt.Sprintf("Friend Poll fsn=%t", m.FSN)
	case friend.OpUpdate:
		u, _ := friend.ParseUpdate(params)
		return fmt.Sprintf("Friend Update iv=%d update=%t refresh=%t more=%t", u.IVIndex, u.IVUpdate, u.KeyRefresh, u.MoreData)
	case friend.OpRequest:
		r, _ := friend.ParseRequest(p.Src, params)
		a.counters[p.Src] = r.LPNCounter
		return fmt.Sprintf("Friend Request poll timeout=%s elements=%d previous=%s", r.PollTimeout, r.Elements, r.Previous)
	case friend.OpOffer:
		o, _ := friend.ParseOffer(params)
		a.befriend(friend.Link{
			NetKey: p.NetKey, LPN: p.Dst, Friend: p.Src, LPNCounter: a.counters[p.Dst], FriendCounter: o.FriendCounter,
		})
		return fmt.Sprintf("Friend Offer window=%s queue=%d", o.ReceiveWindow, o.QueueSize)
	case friend.OpClear:
		c, _ := friend.ParseClear(params)
		return fmt.Sprintf("Friend Clear of %s", c.LPN)
	case friend.OpClearConfirm:
		c, _ := friend.ParseClear(params)
		return fmt.Sprintf("Friend Clear Confirm of %s", c.LPN)
	case friend.OpSubscriptionAdd:
		l, _ := friend.ParseSubscriptions(params)
		return fmt.Sprintf("Friend Subscription List Add %v", l.Addresses[:l.Count])
	case friend.OpSubscriptionRemove:
		l, _ := friend.ParseSubscriptions(params)
		return fmt.Sprintf("Friend Subscription List Remove %v", l.Addresses[:l.Count])
	case friend.OpSubscriptionConfirm:
		return "Friend Subscription List Confirm"
	case heartbeat.Opcode:
		m, _ := heartbeat.Parse(params)
		return fmt.Sprintf("Heartbeat initial ttl=%d features=%04x", m.InitTTL, m.Features)
	}
	return fmt.Sprintf("control opcode 0x%02x", op)
}

// befriend learns the credentials of a friendship.
func (a *analyst) befriend(l friend.Link) {
	for i := range a.netKeys {
		if k := &a.netKeys[i]; k.index == l.NetKey {
			k.friends = append(k.friends, l.Credentials(k.key))
		}
	}
}

// beaconPDU reads a beacon.
func (a *analyst) beaconPDU(pdu []byte) string {
	kind, err := beacon.TypeOf(pdu)
	if err != nil {
		return err.Error()
	}
	if kind == beacon.TypeUnprovisioned {
		b, err := beacon.ParseUnprovisioned(pdu)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("unprovisioned %s oob=%04x", a.deviceName(b.UUID), uint16(b.OOB))
	}
	keys := map[mesh.KeyIndex]int{}
	for _, k := range a.netKeys {
		open, name := k.beacons.OpenSecure, "secure"
		if kind == beacon.TypePrivate {
			open, name = k.beacons.OpenPrivate, "private"
		}
		keys[k.index]++
		said, err := open(pdu)
		if err != nil {
			continue
		}
		text := fmt.Sprintf("%s net=%d iv=%d update=%t refresh=%t", name, k.index, said.IVIndex, said.IVUpdate, said.KeyRefresh)
		if keys[k.index] > 1 {
			text += " (new key)"
		}
		return text
	}
	return "not under a key of this network"
}

// overGATT reads a message of the proxy protocol.
func (a *analyst) overGATT(m *member, kind proxy.MessageType, message []byte) string {
	switch kind {
	case proxy.NetworkPDU:
		return a.networkPDU(m.State().IVIndex, message)
	case proxy.MeshBeacon:
		return a.beaconPDU(message)
	case proxy.ProvisioningPDU:
		return provisioningName(message)
	default:
		var p network.PDU
		if !a.receiver(m.State().IVIndex).OpenProxy(message, &p) {
			return "not under a key of this network"
		}
		c, err := proxy.ParseMessage(p.Transport)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("from %s seq=%d %s", p.Src, p.Seq, strings.TrimPrefix(fmt.Sprintf("%T%+v", c, c), "proxy."))
	}
}

// provisioningPDU reads a PB-ADV PDU: link, transaction, and what it carries.
func provisioningPDU(pdu []byte) string {
	text := fmt.Sprintf("link %08x ", binary.BigEndian.Uint32(pdu))
	number, control := pdu[4], pdu[5]
	switch control & 3 {
	case 0:
		return text + fmt.Sprintf("transaction %d, segment 0 of 0..%d: %s", number, control>>2, provisioningName(pdu[9:]))
	case 1:
		return text + fmt.Sprintf("transaction %d acknowledged", number)
	case 2:
		return text + fmt.Sprintf("transaction %d, segment %d", number, control>>2)
	}
	names := []string{"Link Open", "Link ACK", "Link Close"}
	if op := control >> 2; int(op) < len(names) {
		return text + names[op]
	}
	return text + "unknown"
}

func provisioningName(pdu []byte) string {
	names := []string{
		"Invite", "Capabilities", "Start", "Public Key", "Input Complete", "Confirmation", "Random", "Data", "Complete", "Failed",
		"Record Request", "Record Response", "Records Get", "Records List",
	}
	if int(pdu[0]) < len(names) {
		return "Provisioning " + names[pdu[0]]
	}
	return "unknown"
}

// constant is a Sequencer that always says the same.
type constant struct {
	seq mesh.SequenceNumber
	iv  mesh.IVIndex
}

func (c constant) Next() (mesh.SequenceNumber, mesh.IVIndex, error) { return c.seq, c.iv, nil }

var _ transport.Keys = (*analyst)(nil)

// AppendAppKeys implements transport.Keys. A subnet bridge does not seal messages
// again, so the key may be bound to another subnet.
func (a *analyst) AppendAppKeys(dst []transport.AppKey, _ mesh.KeyIndex, aid uint8) []transport.AppKey {
	for _, k := range a.appKeys {
		if k.AID == aid {
			dst = append(dst, k)
		}
	}
	return dst
}

// AppendDeviceKeys implements transport.Keys.
func (a *analyst) AppendDeviceKeys(dst []transport.DeviceKey, _, _ mesh.Address) []transport.DeviceKey {
	return append(dst, a.devices...)
}

// AppendLabels implements transport.Keys.
func (a *analyst) AppendLabels(dst []mesh.UUID, virtual mesh.Address) []mesh.UUID {
	for _, l := range a.labels {
		if crypto.VirtualAddress(l) == virtual {
			return append(dst, l)
		}
	}
	return dst
}

// AppKey implements transport.Keys: the last key of an index is the newest.
func (a *analyst) AppKey(index mesh.KeyIndex) (transport.AppKey, bool) {
	for _, k := range slices.Backward(a.appKeys) {
		if k.Index == index {
			return k, true
		}
	}
	return transport.AppKey{}, false
}

// DeviceKey implements transport.Keys.
func (a *analyst) DeviceKey(owner mesh.Address) (transport.DeviceKey, bool) {
	for _, k := range slices.Backward(a.devices) {
		if k.Owner == owner {
			return k, true
		}
	}
	return transport.DeviceKey{}, false
}

// net finds the oldest or newest network key of an index.
func (a *analyst) net(index mesh.KeyIndex, newest bool) (*netKey, error) {
	var found *netKey
	for i := range a.netKeys {
		if k := &a.netKeys[i]; k.index == index && (found == nil || newest) {
			found = k
		}
	}
	if found == nil {
		return nil, fmt.Errorf("there is no network key %d", index)
	}
	return found, nil
}
