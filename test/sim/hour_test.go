package sim_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// storm attacks a gateway in every way at once: strangers on the air and on
// connections, and an attacker who has all keys of the network.
type storm struct {
	core    *node.Core
	now     time.Time
	random  *rand.Rand
	net     *network.Credentials
	netID   [8]byte
	app     *crypto.CCM
	station *crypto.CCM // device key of the station that the gateway manages
	seq     mesh.SequenceNumber
	source  mesh.Address
	number  uint64 // makes names unique

	own      uint32 // the last PB-ADV link that the gateway has opened
	opened   []bearer.LinkID
	close    []bearer.LinkID // connections to be reported as ended
	connect  []bearer.LinkID // connections that the gateway opens
	incoming bearer.LinkID

	legitimate mesh.SequenceNumber
	heard      int // legitimate messages that were reported
	ended      int // provisioning procedures that ended
}

const (
	forger  = mesh.Address(0x0100) // the first of the forged addresses
	honest  = mesh.Address(2)
	station = 2 // the number of a station
)

// next returns a unique name.
func (s *storm) next() (name [16]byte) {
	s.number++
	binary.BigEndian.PutUint64(name[:], s.number*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint64(name[8:], s.number)
	return name
}

func (s *storm) noise(n int) []byte {
	octets := make([]byte, (n+7)/8*8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(octets[i:], s.random.Uint64())
	}
	return octets[:n]
}

// hear passes a PDU to the gateway.
func (s *storm) hear(kind bearer.Kind, pdu []byte) {
	in := bearer.Incoming{Kind: kind, RSSI: -50}
	in.Len = uint8(copy(in.Data[:], pdu))
	s.core.Receive(s.now, &in)
}

// seal makes a network PDU of a new source.
func (s *storm) seal(ctl bool, ttl mesh.TTL, dst mesh.Address, transport ...byte) {
	s.seq++
	if s.source++; s.source > mesh.LastUnicast {
		s.source = forger
	}
	s.send(&network.PDU{CTL: ctl, TTL: ttl, Seq: s.seq, Src: s.source, Dst: dst, Transport: transport})
}

func (s *storm) send(p *network.PDU) {
	sealed, err := s.net.Seal(nil, p)
	if err != nil {
		panic(err) // a mistake in this test
	}
	s.hear(bearer.Message, sealed)
}

// destination is the gateway or a random group.
func (s *storm) destination() mesh.Address {
	if s.random.IntN(3) == 0 {
		return mesh.Address(0xC000 + s.random.IntN(0x3F00))
	}
	return sim.Address(0)
}

// segment is one of several segments of a message whose others never arrive.
func segment(first byte, zero uint16, o, n byte, data ...byte) []byte {
	zero &= 0x1FFF
	return append([]byte{first, byte(zero >> 6), byte(zero<<2) | o>>3, o<<5 | n}, data...)
}

// message is an unsegmented access message with the AppKey.
func (s *storm) message(src, dst mesh.Address, seq mesh.SequenceNumber, payload []byte) *network.PDU {
	const application = 0x40
	nonce := crypto.ApplicationNonce(false, seq, src, dst, 0)
	transport := s.app.Seal([]byte{application | crypto.AID(sim.AppKey())}, &nonce, payload, nil, 4)
	return &network.PDU{TTL: 5, Seq: seq, Src: src, Dst: dst, Transport: transport}
}

// report is a message of the managed station with its device key.
func (s *storm) report(m access.Message) {
	payload, err := access.Append(nil, m)
	if err != nil {
		panic(err)
	}
	s.seq++
	src, dst := sim.Address(station), sim.Address(0)
	nonce := crypto.DeviceNonce(false, s.seq, src, dst, 0)
	upper := s.station.Seal(nil, &nonce, payload, nil, 4)
	const part = 12
	zero, last := uint16(s.seq), byte((len(upper)-1)/part)
	for o := byte(0); len(upper) > 0; o++ {
		data := upper[:min(part, len(upper))]
		upper = upper[len(data):]
		s.send(&network.PDU{TTL: 5, Seq: s.seq, Src: src, Dst: dst, Transport: segment(0x80, zero, o, last, data...)})
		s.seq++
	}
}

// forgeries has one entry for each kind of PDU that a node receives.
func (s *storm) forgeries() []func() {
	const segmented = 0x80
	return []func(){
		func() { // access messages
			s.seal(false, 5, s.destination(), segment(segmented|0x40|byte(s.random.IntN(0x40)), uint16(s.seq+1), byte(s.random.IntN(32)), 31, s.noise(12)...)...)
		},
		func() { // control messages, some of them shorter than allowed
			s.seal(true, 5, s.destination(), segment(segmented|byte(s.random.IntN(0x80)), uint16(s.random.IntN(0x2000)), byte(s.random.IntN(32)), byte(s.random.IntN(32)), s.noise(s.random.IntN(9))...)...)
		},
		func() { // unknown opcodes
			s.seq++
			if s.source++; s.source > mesh.LastUnicast {
				s.source = forger
			}
			s.send(s.message(s.source, s.destination(), s.seq, append([]byte{0xC0 | byte(s.random.IntN(0x40))}, s.noise(7)...)))
		},
		func() {
			r := friend.Request{
				Criteria: friend.Criteria{MinQueueSizeLog: 1}, ReceiveDelay: 10 * time.Millisecond, PollTimeout: friend.MaxPollTimeout,
				Previous: mesh.Address(1 + s.random.IntN(0x7FFF)), Elements: 1, LPNCounter: uint16(s.seq),
			}
			s.seal(true, 0, mesh.AllFriends, r.Append([]byte{friend.OpRequest})...)
		},
		func() {
			if s.random.IntN(2) == 0 {
				s.seal(true, 0, sim.Address(0), friend.OpPoll, byte(s.random.IntN(2)))
				return
			}
			c := friend.Clear{LPN: mesh.Address(1 + s.random.IntN(0x7FFF)), LPNCounter: uint16(s.seq)}
			s.seal(true, 5, sim.Address(0), c.Append([]byte{friend.OpClear})...)
		},
		func() {
			m := heartbeat.Message{InitTTL: 5, Features: uint16(s.random.IntN(16))}
			s.seal(true, 5, s.destination(), m.Append([]byte{heartbeat.Opcode})...)
		},
		func() { // with the right NID, so that decryption with the first key fails
			s.hear(bearer.Message, append([]byte{s.net.NID()}, s.noise(10+s.random.IntN(19))...))
		},
		func() { s.hear(bearer.Kind(s.random.IntN(4)), s.noise(1+s.random.IntN(bearer.MaxPDU))) },
		func() { // links to other devices
			uuid := s.next()
			s.hear(bearer.Provisioning, append([]byte{byte(s.number >> 24), byte(s.number >> 16), byte(s.number >> 8), byte(s.number), 0, 0x03}, uuid[:]...))
		},
		func() { // transactions on the gateway's own links and on others
			link := uint32(s.random.Uint64())
			if s.random.IntN(2) == 0 {
				link = s.own
			}
			head := binary.BigEndian.AppendUint32(nil, link)
			switch s.random.IntN(3) {
			case 0:
				s.hear(bearer.Provisioning, append(head, 0, 0x07)) // link ack
			case 1:
				s.hear(bearer.Provisioning, append(append(head, byte(0x80+s.random.IntN(0x80)), byte(s.random.IntN(64))<<2, byte(s.random.IntN(256)), byte(s.random.IntN(256)), 0), s.noise(20)...))
			default:
				s.hear(bearer.Provisioning, append(append(head, byte(0x80+s.random.IntN(0x80)), byte(s.random.IntN(64))<<2|2), s.noise(18)...))
			}
		},
		func() {
			b := beacon.Unprovisioned{UUID: mesh.UUID(s.next())}
			s.hear(bearer.Beacon, b.Append(nil))
		},
		func() { // secure network beacons, of this network and of others
			pdu := append([]byte{1, byte(s.random.IntN(4))}, s.netID[:]...)
			if s.random.IntN(2) == 0 {
				copy(pdu[2:], s.noise(8))
			}
			s.hear(bearer.Beacon, append(pdu, s.noise(12)...))
		},
		func() { s.hear(bearer.Beacon, append([]byte{2}, s.noise(26)...)) },
		func() { // devices and proxies that do not exist
			in := bearer.Sighting{Connectable: true, RSSI: int8(-30 - s.random.IntN(60)), From: bearer.Peer{Random: true}}
			name := s.next()
			copy(in.From.Address[:], name[:])
			var data []byte
			switch s.random.IntN(3) {
			case 0:
				in.Service, data = bearer.ProvisioningService, proxy.DeviceServiceData(mesh.UUID(name), 0)
			case 1:
				in.Service, data = bearer.ProxyService, append([]byte{byte(proxy.NetworkID)}, s.netID[:]...)
			default:
				in.Service, data = bearer.SolicitationService, proxy.SolicitationData(append([]byte{s.net.NID()}, s.noise(16)...))
			}
			in.Len = uint8(copy(in.Data[:], data))
			s.core.ReceiveSighting(s.now, &in)
		},
		s.connections,
		func() { // reports of a station that the gateway manages
			if s.random.IntN(8) != 0 {
				s.hear(bearer.Message, s.noise(bearer.MaxPDU))
				return
			}
			uuid := mesh.UUID(s.next())
			if s.random.IntN(2) == 0 {
				s.report(&remoteprovisioning.ScanReport{RSSI: -40, UUID: uuid})
				return
			}
			s.report(&remoteprovisioning.PDUReport{InboundPDUNumber: byte(s.number), ProvisioningPDU: s.noise(40)})
		},
	}
}

// connections open, send the beginning of something, and close.
func (s *storm) connections() {
	s.incoming++
	service := bearer.ProxyService
	if s.random.IntN(4) == 0 {
		service = bearer.ProvisioningService
	}
	s.core.ReceiveLink(s.now, &bearer.LinkEvent{ID: s.incoming, Kind: bearer.LinkOpened, Service: service, MaxPDU: 23})
	s.opened = append(s.opened, s.incoming)
	for _, id := range s.connect {
		s.core.ReceiveLink(s.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkOpened, Service: bearer.ProxyService, MaxPDU: 69})
		s.opened = append(s.opened, id)
	}
	s.connect = s.connect[:0]
	for _, id := range s.opened {
		const first, next = 0x40, 0x80
		s.core.ReceiveLink(s.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkData, PDU: append([]byte{first}, s.noise(20)...)})
		if s.random.IntN(2) == 0 {
			s.core.ReceiveLink(s.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkData, PDU: append([]byte{next}, s.noise(20)...)})
		}
	}
	const most = 8
	if len(s.opened) > most {
		s.close = append(s.close, s.opened[0])
		s.opened = s.opened[:copy(s.opened, s.opened[1:])]
	}
	for _, id := range s.close {
		s.core.ReceiveLink(s.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkClosed})
	}
	s.close = s.close[:0]
}

// carryOut does what the gateway wants done, as far as the test needs it.
func (s *storm) carryOut() {
	if due := s.core.NextDeadline(); !due.IsZero() && !due.After(s.now) {
		s.core.Tick(s.now)
	}
	out := s.core.Take()
	for i := range out.Send {
		if o := &out.Send[i]; o.Kind == bearer.Provisioning {
			s.own = binary.BigEndian.Uint32(o.PDU())
		}
	}
	for _, a := range out.GATT {
		switch a := a.(type) {
		case node.Connect:
			s.connect = append(s.connect, a.ID)
		case node.Disconnect:
			s.close = append(s.close, a.ID)
			for i, id := range s.opened {
				if id == a.ID {
					s.opened = append(s.opened[:i], s.opened[i+1:]...)
					break
				}
			}
		}
	}
	for _, e := range out.Report {
		switch e := e.(type) {
		case node.MessageReceived:
			if e.Src == honest {
				s.heard++
			}
		case node.ProvisioningDone:
			s.ended++
		}
	}
}

// honestly sends what has to arrive: an unsegmented message, and the first half
// of a segmented one. The other half is sent by the next call.
func (s *storm) honestly(segments bool) {
	s.legitimate++
	payload := []byte{0x82, 0x03, byte(s.legitimate) & 1, byte(s.legitimate)}
	if !segments {
		s.send(s.message(honest, sim.Address(0), s.legitimate, payload))
		return
	}
	seq := s.legitimate
	nonce := crypto.ApplicationNonce(false, seq, honest, sim.Address(0), 0)
	upper := s.app.Seal(nil, &nonce, append(payload, make([]byte, 12)...), nil, 4)
	const half = 12
	for o := range byte(2) {
		data := upper[o*half : min(len(upper), int(o+1)*half)]
		s.send(&network.PDU{TTL: 5, Seq: s.legitimate, Src: honest, Dst: sim.Address(0), Transport: segment(0xC0|crypto.AID(sim.AppKey()), uint16(seq), o, 1, data...)})
		if o == 0 {
			s.legitimate++
			s.pass(60 * time.Millisecond)
		}
	}
}

// pass lets the storm continue for a while, with one event per millisecond.
func (s *storm) pass(d time.Duration) {
	all := s.forgeries()
	for range d / time.Millisecond {
		s.now = s.now.Add(time.Millisecond)
		all[s.now.UnixMilli()%int64(len(all))]()
		s.carryOut()
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An hour of everything that can be forged, a thousand per second, does not
// grow the heap of a gateway, and honest messages arrive. With the race
// detector, which has nothing to find in a core, it is shorter.
func TestHourOfForgeries(t *testing.T) {
	const (
		warmUp = 5 * time.Minute // until every address has been seen
		slack  = 64 << 10        // octets
	)
	var deviceKey crypto.Key
	copy(deviceKey[:], "device 2")
	elements := device.NewPlug().Elements()
	elements[device.Primary].Models = append(elements[device.Primary].Models, remote.NewServer())
	saved := sim.Configured(0, ttl, elements)
	n := saved.Node
	n.Friend, n.Proxy, n.Relay, n.Beacon, n.OnDemandProxy = state.Enabled, state.Enabled, state.Enabled, true, 10
	saved.Peers = []state.Peer{{UUID: sim.UUID(station), Address: sim.Address(station), Elements: 1, DeviceKey: deviceKey}}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	core, err := node.New(now, node.Options{
		Elements: elements, Random: sim.Random(1, 0), Monitor: true,
		Proxy: node.ProxyOptions{Client: node.ClientOn, Connections: 2, Clients: 3},
	}, saved)
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{
		core: core, now: now, random: rand.New(rand.NewPCG(1, 2)),
		net: network.Flooding(sim.NetKey()), netID: beacon.NewKeys(sim.NetKey()).NetworkID(),
		app: crypto.NewCCM(sim.AppKey()), station: crypto.NewCCM(deviceKey),
		source: forger, incoming: bearer.FirstIncoming,
	}
	for s.source < mesh.LastUnicast { // the replay list has its largest size
		s.source++
		s.seq++
		s.send(s.message(s.source, sim.Address(0), s.seq, []byte{0x82, 0x01}))
		s.carryOut()
	}
	var first, last uint64
	honestly, begun := 0, 0
	for minute := range minutes {
		for second := range 60 {
			if second%20 == 0 { // a device that the gateway wants to provision
				uuid := mesh.UUID(s.next())
				if s.core.Provision(s.now, node.Provision{UUID: uuid}) == nil {
					begun++
				}
			}
			s.honestly(second%2 == 0)
			honestly++
			s.pass(time.Second)
		}
		if elapsed := time.Duration(minute+1) * time.Minute; elapsed == warmUp {
			first = heap()
		}
	}
	last = heap()
	c := s.core.Counters()
	t.Logf("%d octets after %s, %d in the end; %+v", first, warmUp, last, c)
	if last > first+slack {
		t.Errorf("the heap has grown by %d octets", last-first)
	}
	if s.heard != honestly {
		t.Errorf("%d of %d honest messages were heard", s.heard, honestly)
	}
	if c.Malformed == 0 || c.ForeignBeacons == 0 || c.Unheard == 0 || c.Transport.Access == 0 || c.Friend.Full == 0 ||
		s.ended == 0 || begun-s.ended > 16 || c.Transport.Evicted+c.Transport.Rejected == 0 || c.GATT.Sighted == 0 || c.GATT.Cut == 0 || c.GATT.ClientRefused == 0 {
		t.Error("the storm did not reach the intended code")
	}
	runtime.KeepAlive(core)
}
