package transport

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// epoch is the time at which the tests begin; nothing depends on it.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// ring is the keys of a test, as a node would look them up.
type ring struct {
	apps    []AppKey
	devices []DeviceKey
	labels  []mesh.UUID
}

func (r *ring) AppendAppKeys(dst []AppKey, _ mesh.KeyIndex, aid uint8) []AppKey {
	for _, k := range r.apps {
		if k.AID == aid {
			dst = append(dst, k)
		}
	}
	return dst
}

func (r *ring) AppendDeviceKeys(dst []DeviceKey, from, to mesh.Address) []DeviceKey {
	for _, k := range r.devices {
		if k.Owner == from || k.Owner == to {
			dst = append(dst, k)
		}
	}
	return dst
}

func (r *ring) AppendLabels(dst []mesh.UUID, virtual mesh.Address) []mesh.UUID {
	for _, label := range r.labels {
		if crypto.VirtualAddress(label) == virtual {
			dst = append(dst, label)
		}
	}
	return dst
}

func (r *ring) AppKey(index mesh.KeyIndex) (AppKey, bool) {
	for _, k := range r.apps {
		if k.Index == index {
			return k, true
		}
	}
	return AppKey{}, false
}

func (r *ring) DeviceKey(owner mesh.Address) (DeviceKey, bool) {
	for _, k := range r.devices {
		if k.Owner == owner {
			return k, true
		}
	}
	return DeviceKey{}, false
}

// count returns increasing sequence numbers.
type count struct {
	seq mesh.SequenceNumber
	iv  mesh.IVIndex
	err error
}

func (c *count) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	if c.err != nil {
		return 0, 0, c.err
	}
	c.seq++
	return c.seq - 1, c.iv, nil
}

const (
	testNet = mesh.KeyIndex(0x123)
	testApp = mesh.KeyIndex(0x456)
	testAID = 0x26
	here    = mesh.Address(0x0001)
	there   = mesh.Address(0x1201)
	group   = mesh.Address(0xC105)
)

// testRing is new in every layer: a cipher belongs to one goroutine, and one
// test must not change another's.
func testRing() *ring {
	return &ring{
		apps:    []AppKey{{Index: testApp, AID: testAID, Cipher: crypto.NewCCM(crypto.Key{1})}},
		devices: []DeviceKey{{Owner: there, Cipher: crypto.NewCCM(crypto.Key{2})}},
	}
}

// peer is a layer with a record for the tests.
type peer struct {
	*Layer
	t    testing.TB
	ring *ring
	seq  *count
	out  Output
}

func newPeer(t testing.TB, change ...func(*Config)) *peer {
	p := &peer{t: t, ring: testRing(), seq: &count{iv: 5}}
	cfg := Config{Keys: p.ring, Sequencer: p.seq, TTL: 5}
	for _, f := range change {
		f(&cfg)
	}
	p.Layer = New(cfg)
	return p
}

// send sends an access message with this number of octets, which count up.
func (p *peer) send(now time.Time, dst mesh.Address, size int, change ...func(*AccessOut)) Handle {
	p.t.Helper()
	m := AccessOut{Src: here, Dst: dst, NetKey: testNet, Key: Key{App: testApp}, TTL: mesh.DefaultTTL, Payload: counting(size)}
	for _, f := range change {
		f(&m)
	}
	p.out.Reset()
	h, err := p.Send(now, &m, &p.out)
	if err != nil {
		p.t.Fatalf("send to %s: %v", dst, err)
	}
	return h
}

// receive passes the other side's output to the layer, and returns what
// arrived.
func (p *peer) receive(now time.Time, pdus ...network.PDU) *Output {
	p.out.Reset()
	for i := range pdus {
		p.Receive(now, &pdus[i], &p.out)
	}
	return &p.out
}

// tick advances the layer to a time.
func (p *peer) tick(now time.Time) *Output {
	p.out.Reset()
	p.Tick(now, &p.out)
	return &p.out
}

// drain runs the layer until it has nothing more to do. It returns every PDU
// that it sent and the end time.
func (p *peer) drain(now time.Time) (pdus []network.PDU, end time.Time, done []Delivery) {
	p.t.Helper()
	pdus = copies(p.out.Network)
	done = append(done, p.out.Done...)
	for i := 0; i < 100000; i++ {
		next := p.NextDeadline()
		if next.IsZero() {
			return pdus, now, done
		}
		now = next
		p.tick(now)
		pdus = append(pdus, copies(p.out.Network)...)
		done = append(done, p.out.Done...)
	}
	p.t.Fatal("a layer without input is never done")
	return nil, now, nil
}

// pass runs the layer until the n segments of one pass are sent.
func (p *peer) pass(now time.Time, n int) ([]network.PDU, time.Time) {
	p.t.Helper()
	pdus := copies(p.out.Network)
	for len(pdus) < n {
		now = p.NextDeadline()
		if now.IsZero() {
			p.t.Fatalf("%d of %d segments, and no deadline", len(pdus), n)
		}
		p.tick(now)
		pdus = append(pdus, copies(p.out.Network)...)
	}
	p.out.Reset()
	return pdus, now
}

// copies takes PDUs from an output, so that they outlive it.
func copies(sent []Outgoing) []network.PDU {
	var pdus []network.PDU
	for _, o := range sent {
		pdu := o.PDU
		pdu.Transport = append([]byte(nil), pdu.Transport...)
		pdus = append(pdus, pdu)
	}
	return pdus
}

func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// acks returns the Segment Acknowledgments.
func acks(t testing.TB, sent []Outgoing) []ack {
	t.Helper()
	var found []ack
	for _, o := range sent {
		if o.CTL && o.Transport[0] == opcodeAck {
			a, ok := parseAck(o.Transport)
			if !ok {
				t.Fatalf("sent an invalid acknowledgment: %x", o.Transport)
			}
			found = append(found, a)
		}
	}
	return found
}
