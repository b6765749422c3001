package sim_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// flood forges the PDUs of an attacker who has the keys: endless messages and
// segments from every address, forged beacons, devices that do not exist,
// provisioning links to others.
type flood struct {
	random *rand.Rand
	keys   *network.Credentials
	app    *crypto.CCM
	seq    mesh.SequenceNumber
}

func (f *flood) next() bearer.Incoming {
	var octets [bearer.MaxPDU]byte
	for i := 0; i < len(octets); i += 8 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], f.random.Uint64())
		copy(octets[i:], word[:])
	}
	in := bearer.Incoming{Kind: bearer.Message}
	pdu := octets[:1+f.random.IntN(bearer.MaxPDU)]
	switch f.random.IntN(6) {
	case 0:
		in.Kind = bearer.Beacon
		pdu[0] = byte(f.random.IntN(3))
	case 1:
		in.Kind = bearer.Beacon
		var b beacon.Unprovisioned
		copy(b.UUID[:], octets[:])
		pdu = b.Append(nil)
	case 2:
		in.Kind = bearer.Provisioning
	case 3:
		// Noise.
	default:
		f.seq++
		const segmented = 0x80
		transport := octets[:16]
		src, dst := mesh.Address(2+f.random.IntN(0x7FFD)), sim.Address(0)
		if f.random.IntN(3) == 0 {
			dst = mesh.Address(0xC000 + f.random.IntN(0x3FFF))
		}
		switch f.random.IntN(3) {
		case 0:
			transport[0] |= segmented
		case 1: // a valid access message
			const application = 0x40
			nonce := crypto.ApplicationNonce(false, f.seq, src, dst, 0)
			payload := []byte{0x82, 0x02, byte(f.seq), byte(f.seq >> 1)}
			transport = append(transport[:0], application|crypto.AID(sim.AppKey()))
			transport = f.app.Seal(transport, &nonce, payload, nil, 4)
		}
		sealed, err := f.keys.Seal(nil, &network.PDU{TTL: 5, Seq: f.seq, Src: src, Dst: dst, Transport: transport})
		if err != nil {
			panic(err) // a mistake in this test
		}
		pdu = sealed
	}
	in.Len = uint8(copy(in.Data[:], pdu))
	return in
}

// Whatever arrives from the air, a node's memory stops growing at some point.
func TestMemoryIsBounded(t *testing.T) {
	w := world(t, sim.Options{
		Seed: 1, Neighbours: sim.Line(1), TTL: ttl, Monitor: true,
		Core: func(o *node.Options) { o.ReplaySize, o.CacheSize = 1000, 1024 },
	})
	core := w.Stations[0].Core
	f := &flood{random: rand.New(rand.NewPCG(1, 2)), keys: network.Flooding(sim.NetKey()), app: crypto.NewCCM(sim.AppKey())}
	now := w.Now()
	feed := func(n int) uint64 {
		for range n {
			in := f.next()
			now = now.Add(3 * time.Millisecond)
			core.Receive(now, &in)
			core.Take()
			if next := core.NextDeadline(); !next.IsZero() && !next.After(now) {
				core.Tick(now)
				core.Take()
			}
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 50_000
	first := feed(n)
	second := feed(n)
	c := core.Counters()
	t.Logf("%d octets in use after %d PDUs, %d after twice as many; %+v", first, n, second, c)
	const slack = 1 << 20
	if second > first+slack {
		t.Errorf("%d more octets after %d more PDUs", second-first, n)
	}
	if c.Network.Fresh == 0 || c.Malformed == 0 || c.ForeignBeacons == 0 || c.Unheard == 0 ||
		c.Transport.Access == 0 || c.Transport.ReplayListFull == 0 || c.Transport.Evicted+c.Transport.Rejected == 0 {
		t.Error("the flood did not reach the intended code")
	}
	runtime.KeepAlive(core)
}
