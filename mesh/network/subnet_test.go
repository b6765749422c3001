package network_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// sameNID finds another NetKey with the NID of netKey.
func sameNID(t *testing.T) *network.Credentials {
	t.Helper()
	want := network.Flooding(netKey).NID()
	for i := range 10000 {
		if c := network.Flooding(crypto.Key{1, byte(i), byte(i >> 8)}); c.NID() == want {
			return c
		}
	}
	t.Fatal("no other key with this NID")
	return nil
}

// TestSharedNID: the MIC distinguishes subnets with the same NID. The same SRC
// and SEQ in another subnet is another message, as a subnet bridge sends it.
func TestSharedNID(t *testing.T) {
	a, b := network.Flooding(netKey), sameNID(t)
	r := network.NewReceiver(network.Config{IVIndex: ivIndex})
	r.AddSubnet(1, a)
	r.AddSubnet(2, b)
	inA, inB := seal(t, a, message(1)), seal(t, b, message(1))
	if p := expectVerdict(t, r, inA, network.Fresh); p.NetKey != 1 || p.By != a {
		t.Errorf("opened with subnet %d", p.NetKey)
	}
	if p := expectVerdict(t, r, inB, network.Fresh); p.NetKey != 2 || p.By != b {
		t.Errorf("opened with subnet %d", p.NetKey)
	}
	expectVerdict(t, r, inA, network.Duplicate)
	expectVerdict(t, r, inB, network.Duplicate)
	inA[len(inA)-1] ^= 1
	expectVerdict(t, newReceiver(64, a, b), inA, network.BadMIC)
}

// TestKeyRefresh (section 3.11.4): old and new key are accepted at the same
// time, and the same message with both is one message.
func TestKeyRefresh(t *testing.T) {
	old, renewed := network.Flooding(netKey), network.Flooding(crypto.Key{8})
	r := newReceiver(64, old)
	expectVerdict(t, r, seal(t, renewed, message(1)), network.NotOurs)
	r.AddSubnet(3, old, renewed)
	expectVerdict(t, r, seal(t, renewed, message(1)), network.Fresh)
	expectVerdict(t, r, seal(t, old, message(1)), network.Duplicate)
	expectVerdict(t, r, seal(t, old, message(2)), network.Fresh)
	r.AddSubnet(3, renewed)
	expectVerdict(t, r, seal(t, old, message(3)), network.NotOurs)
	expectVerdict(t, r, seal(t, renewed, message(4)), network.Fresh)
}

func TestRemoveSubnet(t *testing.T) {
	a, b := network.Flooding(netKey), sameNID(t)
	r := network.NewReceiver(network.Config{IVIndex: ivIndex})
	r.AddSubnet(1, a, network.Friendship(netKey, 1, 2, 3, 4))
	r.AddSubnet(2, b)
	pdu := seal(t, a, message(1))
	expectVerdict(t, r, pdu, network.Fresh)
	r.RemoveSubnet(1)
	r.RemoveSubnet(9)
	expectVerdict(t, r, pdu, network.BadMIC) // b is still there, with this NID
	expectVerdict(t, r, seal(t, b, message(1)), network.Fresh)
	r.RemoveSubnet(2)
	expectVerdict(t, r, seal(t, b, message(2)), network.NotOurs)
}

// TestRemember: this node's own message from a relay is a copy.
func TestRemember(t *testing.T) {
	c := network.Flooding(netKey)
	r := newReceiver(64, c)
	own := message(1)
	r.Remember(3, &own)
	relayed, err := c.Relay(nil, &own)
	if err != nil {
		t.Fatal(err)
	}
	expectVerdict(t, r, relayed, network.Duplicate)
	expectVerdict(t, r, seal(t, c, message(2)), network.Fresh)
}

// TestForget: a node that was provisioned again starts over, the others do not.
func TestForget(t *testing.T) {
	c := network.Flooding(netKey)
	r := newReceiver(64, c)
	other := message(1)
	other.Src++
	pdu, relayed := seal(t, c, message(1)), other
	expectVerdict(t, r, pdu, network.Fresh)
	expectVerdict(t, r, seal(t, c, other), network.Fresh)
	r.Forget(message(1).Src)
	expectVerdict(t, r, pdu, network.Fresh)
	relayed.TTL--
	expectVerdict(t, r, seal(t, c, relayed), network.Duplicate)
}

// TestCacheBounds: a cache of any size remembers recent messages and forgets
// old ones.
func TestCacheBounds(t *testing.T) {
	c := network.Flooding(netKey)
	for _, size := range []int{-1, 1, 64, 100, 1000} {
		r := newReceiver(size, c)
		const last = 20000
		for seq := mesh.SequenceNumber(0); seq <= last; seq++ {
			expectVerdict(t, r, seal(t, c, message(seq)), network.Fresh)
			// Eight messages fit wherever they are stored.
			for back := mesh.SequenceNumber(0); back < 8 && back <= seq && seq%500 == 0; back++ {
				p := message(seq - back)
				p.TTL--
				expectVerdict(t, r, seal(t, c, p), network.Duplicate)
			}
		}
		expectVerdict(t, r, seal(t, c, message(0)), network.Fresh)
	}
}

func TestAllocations(t *testing.T) {
	c := network.Flooding(netKey)
	r := newReceiver(64, c)
	p, out, buf := message(0), network.PDU{}, make([]byte, 0, network.MaxPDU)
	n := testing.AllocsPerRun(1000, func() {
		p.Seq++
		pdu, err := c.Seal(buf, &p)
		if err != nil || r.Open(pdu, &out) != network.Fresh || r.Open(pdu, &out) != network.Duplicate {
			t.Fatalf("sealing or opening %d failed", p.Seq)
		}
		if pdu, err = c.Relay(buf, &out); err != nil || r.Open(pdu, &out) != network.Duplicate {
			t.Fatalf("relaying %d failed", p.Seq)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzOpen decrypts arbitrary octets: no panic, and what is accepted is
// encrypted to the same octets again.
func FuzzOpen(f *testing.F) {
	c := network.Flooding(netKey)
	long := message(0xFFFFFF)
	long.Transport = make([]byte, 16)
	control := message(3)
	control.CTL = true
	for _, p := range []network.PDU{message(1), long, control} {
		pdu, err := c.Seal(nil, &p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pdu)
		f.Add(pdu[:len(pdu)-1])
	}
	f.Add([]byte{})
	f.Add(append([]byte{c.NID()}, make([]byte, 13)...))
	f.Add(append([]byte{0x80 | c.NID()}, make([]byte, 28)...))
	f.Fuzz(func(t *testing.T, pdu []byte) {
		r := newReceiver(64, c, network.Friendship(netKey, 1, 2, 3, 4))
		var p network.PDU
		verdict := r.Open(pdu, &p)
		if verdict == network.Duplicate {
			t.Error("with an empty cache it is a duplicate")
		}
		if verdict != network.Fresh {
			return
		}
		again, err := p.By.Seal(nil, &p)
		if err != nil || string(again) != string(pdu) {
			t.Errorf("opened %x, sealed %x, %v", pdu, again, err)
		}
		if r.Open(pdu, &p) != network.Duplicate {
			t.Error("a repetition is not a duplicate")
		}
	})
}
