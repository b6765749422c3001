package network_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

var netKey = crypto.Key{0x7d, 0xd7, 0x36, 0x4c}

const ivIndex = 0x12345678

func message(seq mesh.SequenceNumber) network.PDU {
	return network.PDU{IVIndex: ivIndex, TTL: 5, Seq: seq, Src: 0x1201, Dst: 0xC123, Transport: []byte{1, 2, 3, 4, 5, 6}}
}

func seal(t rapid.TB, c *network.Credentials, p network.PDU) []byte {
	t.Helper()
	pdu, err := c.Seal(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	return pdu
}

func newReceiver(cache int, credentials ...*network.Credentials) *network.Receiver {
	r := network.NewReceiver(network.Config{IVIndex: ivIndex, Cache: cache})
	r.AddSubnet(3, credentials...)
	return r
}

func expectVerdict(t rapid.TB, r *network.Receiver, pdu []byte, want network.Verdict) network.PDU {
	t.Helper()
	var p network.PDU
	if got := r.Open(pdu, &p); got != want {
		t.Fatalf("verdict %v, want %v", got, want)
	}
	return p
}

func drawPDU(t *rapid.T) network.PDU {
	p := network.PDU{
		IVIndex: mesh.IVIndex(rapid.Uint32Range(0, 0xFFFFFFFE).Draw(t, "IV index")),
		CTL:     rapid.Bool().Draw(t, "CTL"),
		TTL:     mesh.TTL(rapid.IntRange(0, 127).Draw(t, "TTL")),
		Seq:     mesh.SequenceNumber(rapid.IntRange(0, 0xFFFFFF).Draw(t, "SEQ")),
		Src:     mesh.Address(rapid.IntRange(1, 0x7FFF).Draw(t, "SRC")),
		Dst:     mesh.Address(rapid.IntRange(1, 0xFFFF).Draw(t, "DST")),
	}
	most := network.MaxAccessTransport
	if p.CTL {
		most = network.MaxControlTransport
	}
	p.Transport = rapid.SliceOfN(rapid.Byte(), 1, most).Draw(t, "transport PDU")
	return p
}

// TestRoundTrip: an encrypted PDU decrypts to the same fields, with the IV
// index it was encrypted with and with the next one, but not if any one bit is
// changed.
func TestRoundTrip(t *testing.T) {
	c := network.Flooding(netKey)
	rapid.Check(t, func(t *rapid.T) {
		want := drawPDU(t)
		pdu := seal(t, c, want)
		r := newReceiver(64, c)
		current := want.IVIndex
		if rapid.Bool().Draw(t, "index moved on") {
			current++
		}
		r.SetIVIndex(current)

		tampered := bytes.Clone(pdu)
		bit := rapid.IntRange(0, 8*len(pdu)-1).Draw(t, "bit")
		tampered[bit/8] ^= 1 << (bit % 8)
		var p network.PDU
		if v := r.Open(tampered, &p); v != network.BadMIC && v != network.NotOurs {
			t.Fatalf("bit %d changed: verdict %v", bit, v)
		}

		got := expectVerdict(t, r, pdu, network.Fresh)
		if got.NetKey != 3 || got.By != c || got.IVIndex != want.IVIndex || got.CTL != want.CTL || got.TTL != want.TTL ||
			got.Seq != want.Seq || got.Src != want.Src || got.Dst != want.Dst || !bytes.Equal(got.Transport, want.Transport) {
			t.Fatalf("opened %+v, want %+v", got, want)
		}
		expectVerdict(t, r, pdu, network.Duplicate)
	})
}

// TestSealErrors: what must not be transmitted is rejected, and dst is
// unchanged.
func TestSealErrors(t *testing.T) {
	c := network.Flooding(netKey)
	for name, f := range map[string]struct {
		change func(*network.PDU)
		want   error
	}{
		"SRC unassigned":    {func(p *network.PDU) { p.Src = 0 }, network.ErrAddress},
		"SRC a group":       {func(p *network.PDU) { p.Src = 0xC000 }, network.ErrAddress},
		"SRC virtual":       {func(p *network.PDU) { p.Src = 0x8000 }, network.ErrAddress},
		"DST unassigned":    {func(p *network.PDU) { p.Dst = 0 }, network.ErrAddress},
		"TTL 128":           {func(p *network.PDU) { p.TTL = 128 }, network.ErrTTL},
		"default TTL":       {func(p *network.PDU) { p.TTL = mesh.DefaultTTL }, network.ErrTTL},
		"SEQ of 25 bits":    {func(p *network.PDU) { p.Seq = mesh.MaxSequenceNumber + 1 }, network.ErrSequence},
		"no transport PDU":  {func(p *network.PDU) { p.Transport = nil }, network.ErrTransport},
		"17 octets":         {func(p *network.PDU) { p.Transport = make([]byte, 17) }, network.ErrTransport},
		"13 octets control": {func(p *network.PDU) { p.CTL, p.Transport = true, make([]byte, 13) }, network.ErrTransport},
	} {
		t.Run(name, func(t *testing.T) {
			p := message(1)
			f.change(&p)
			got, err := c.Seal([]byte("x"), &p)
			if !errors.Is(err, f.want) || string(got) != "x" {
				t.Errorf("sealed %x, %v, want %v", got, err, f.want)
			}
		})
	}
}

// TestRelay (section 3.4.6.4): the same message with a TTL lower by one.
func TestRelay(t *testing.T) {
	c := network.Flooding(netKey)
	r := newReceiver(64, c)
	p := expectVerdict(t, r, seal(t, c, message(7)), network.Fresh)
	relayed, err := p.By.Relay(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	if p.TTL != 5 {
		t.Error("Relay changed the PDU")
	}
	expectVerdict(t, r, relayed, network.Duplicate)
	got := expectVerdict(t, newReceiver(64, c), relayed, network.Fresh)
	if got.TTL != 4 || got.Seq != 7 || got.Src != p.Src || got.IVIndex != p.IVIndex || !bytes.Equal(got.Transport, message(7).Transport) {
		t.Errorf("relayed %+v", got)
	}
	for _, ttl := range []mesh.TTL{0, 1} {
		p.TTL = ttl
		if _, err := c.Relay(nil, &p); !errors.Is(err, network.ErrNoRelay) {
			t.Errorf("TTL %d: error %v, want ErrNoRelay", ttl, err)
		}
	}
	p.TTL = 2
	if _, err := c.Relay(nil, &p); err != nil {
		t.Errorf("TTL 2: %v", err)
	}
}

// TestVerdicts has one case for each verdict, in one table.
func TestVerdicts(t *testing.T) {
	c := network.Flooding(netKey)
	good := seal(t, c, message(1))
	otherTTL, otherMIC, proxy := message(1), message(2), message(3)
	otherTTL.TTL = 2
	forged := seal(t, c, otherMIC)
	forged[len(forged)-1] ^= 1
	foreign := network.Flooding(crypto.Key{9})
	if foreign.NID() == c.NID() {
		t.Fatal("choose another foreign key")
	}
	proxy.CTL = true
	r := newReceiver(64, c)
	for _, step := range []struct {
		name string
		pdu  []byte
		want network.Verdict
	}{
		{"empty", nil, network.Malformed},
		{"13 octets", good[:13], network.Malformed},
		{"30 octets", append(bytes.Clone(good), make([]byte, 30-len(good))...), network.Malformed},
		{"another network", seal(t, foreign, message(1)), network.NotOurs},
		{"first", good, network.Fresh},
		{"repeated", good, network.Duplicate},
		{"relayed", seal(t, c, otherTTL), network.Duplicate},
		{"forged", forged, network.BadMIC},
		{"what was forged", seal(t, c, otherMIC), network.Fresh},
		{"control", seal(t, c, proxy), network.Fresh},
		{"noise with our NID", append([]byte{c.NID()}, bytes.Repeat([]byte{0x5A}, 20)...), network.BadMIC},
	} {
		t.Run(step.name, func(t *testing.T) { expectVerdict(t, r, step.pdu, step.want) })
	}
	want := network.Counters{Fresh: 3, Duplicate: 2, NotOurs: 1, BadMIC: 2, Malformed: 3}
	if got := r.Counters(); got != want {
		t.Errorf("counters %+v, want %+v", got, want)
	}
}

// TestForgedDoesNotSuppress: a forged PDU with the header of a future message
// does not suppress that message, and neither does a damaged one with its
// octets.
func TestForgedDoesNotSuppress(t *testing.T) {
	c := network.Flooding(netKey)
	r := newReceiver(64, c)
	good := seal(t, c, message(1))
	forged := bytes.Clone(good)
	// The header is obfuscated with octets 7 to 13. So later octets can be
	// changed without changing the header: SRC and SEQ of the real PDU.
	forged[15] ^= 0xFF
	for range 3 {
		expectVerdict(t, r, forged, network.BadMIC)
	}
	expectVerdict(t, r, good, network.Fresh)
	// From now on it counts as a copy, which does no harm, and a flood of these
	// does not displace the real one from the cache.
	for i := range 1000 {
		forged[15], forged[16] = byte(i), byte(i>>8)
		if bytes.Equal(forged, good) {
			continue
		}
		expectVerdict(t, r, forged, network.Duplicate)
	}
	expectVerdict(t, r, good, network.Duplicate)
}

// TestCutShortDoesNotSuppress uses what the relays of BlueZ 5.66 send, as
// observed in test/vm: the PDU with a TTL lower by one, encrypted again without
// the last four octets, because the NetMIC is removed once too often. It is
// authentic. The whole PDU is accepted nevertheless, before it or after it.
func TestCutShortDoesNotSuppress(t *testing.T) {
	const netMIC = 4
	c := network.Flooding(crypto.Key{0x7d, 0xd7, 0x36, 0x4c, 0xd8, 0x42, 0xad, 0x18, 0xc1, 0x7c, 0x2b, 0x82, 0x0c, 0x84, 0xc3, 0xd6})
	// What BlueZ relayed, decrypted, from its log: 4b 0a 000038 0001 0004
	// 4f6620c9d0fcb4287a.
	p := network.PDU{
		IVIndex: ivIndex, TTL: 10, Seq: 0x38, Src: 0x0001, Dst: 0x0004,
		Transport: []byte{0x4f, 0x66, 0x20, 0xc9, 0xd0, 0xfc, 0xb4, 0x28, 0x7a},
	}
	whole := seal(t, c, p)
	p.TTL, p.Transport = p.TTL-1, p.Transport[:len(p.Transport)-netMIC]
	cut := seal(t, c, p)
	if len(cut) != len(whole)-netMIC {
		t.Fatalf("%d octets of %d", len(cut), len(whole))
	}
	for _, order := range [][][]byte{{cut, whole}, {whole, cut}} {
		r := newReceiver(64, c)
		for _, pdu := range order {
			expectVerdict(t, r, pdu, network.Fresh)
		}
		for _, pdu := range order {
			expectVerdict(t, r, pdu, network.Duplicate)
		}
	}
}

// TestIVIndex (section 3.11.5): only the current IV index and the previous one
// are accepted, selected by IVI.
func TestIVIndex(t *testing.T) {
	c := network.Flooding(netKey)
	for _, s := range []struct {
		sealed, current mesh.IVIndex
		want            network.Verdict
	}{
		{10, 10, network.Fresh},
		{10, 11, network.Fresh},
		{10, 12, network.BadMIC},
		{10, 9, network.BadMIC},
		{0, 0, network.Fresh},
		{0, 1, network.Fresh},
		{0xFFFFFFFF, 0xFFFFFFFF, network.Fresh},
		{0xFFFFFFFF, 0, network.BadMIC}, // 0 has no predecessor
	} {
		p := message(1)
		p.IVIndex = s.sealed
		r := newReceiver(64, c)
		r.SetIVIndex(s.current)
		expectVerdict(t, r, seal(t, c, p), s.want)
	}
}

// TestSequenceStartsOver: when the IV index changes, a source restarts its
// sequence numbers, which are in the cache with the old index.
func TestSequenceStartsOver(t *testing.T) {
	c := network.Flooding(netKey)
	r := newReceiver(64, c)
	p := message(1)
	for range 5 {
		r.SetIVIndex(p.IVIndex)
		pdu := seal(t, c, p)
		expectVerdict(t, r, pdu, network.Fresh)
		expectVerdict(t, r, pdu, network.Duplicate)
		p.IVIndex++
	}
}
