package peers_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func none(string) []byte { return nil }

// open makes the part of what a store has, on a node with one element at 0x0001.
func open(t *testing.T, h *parttest.Host, o peers.Options, from part.Stored, known ...state.Peer) *peers.Peers {
	t.Helper()
	o.Elements = 1
	if o.Reserved == nil {
		o.Reserved = func() []peers.Range { return nil }
	}
	p := peers.New(h, o, known, nil)
	if err := p.Load(from); err != nil {
		t.Fatal(err)
	}
	return p
}

func peer(first mesh.Address, elements int) state.Peer {
	return state.Peer{UUID: mesh.UUID{byte(first >> 8), byte(first)}, Address: first, Elements: elements, DeviceKey: crypto.Key{1}}
}

// reserve reserves addresses and adds a node that has them.
func reserve(t *testing.T, p *peers.Peers, elements int) mesh.Address {
	t.Helper()
	a, err := p.Reserve(elements)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Add(peer(a, elements)); err != nil {
		t.Fatal(err)
	}
	return a
}

// Addresses go up behind the node's own, also after a restart and for a node that was
// removed meanwhile.
func TestAddressesGoUp(t *testing.T) {
	h := parttest.New()
	p := open(t, h, peers.Options{}, none)
	var got []mesh.Address
	for _, elements := range []int{1, 3, 2} {
		got = append(got, reserve(t, p, elements))
	}
	if want := []mesh.Address{2, 3, 6}; !slices.Equal(got, want) {
		t.Fatalf("addresses %v, want %v", got, want)
	}
	if address, ok := p.Remove(peer(6, 2).UUID); !ok || address != 6 {
		t.Errorf("removed %s, %t", address, ok)
	}
	from, err := parttest.Stored(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Saves) != 3 {
		t.Errorf("the next address was stored %d times, want once for each reservation", len(h.Saves))
	}
	p = open(t, h, peers.Options{}, from, p.List()...)
	if a := reserve(t, p, 1); a != 8 {
		t.Errorf("after a restart %s, want 0x0008", a)
	}
}

// At the end of the range those are taken that are free, and not those that a
// provisioning has, nor those of a node that has just left.
func TestEndOfTheRange(t *testing.T) {
	h := parttest.New()
	reserved := []peers.Range{}
	p := open(t, h, peers.Options{
		Addresses: part.AddressRange{First: 0x10, Last: 0x15},
		Reserved:  func() []peers.Range { return reserved },
	}, none)
	for range 3 {
		reserve(t, p, 2)
	}
	if a, err := p.Reserve(1); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%s beyond the range, %v", a, err)
	}
	p.Remove(peer(0x12, 2).UUID)
	if a, err := p.Reserve(2); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%s, %v: the node that had it has just left", a, err)
	}
	h.Node.IVIndex = 1
	p.IVIndexChanged()
	if _, err := p.Reserve(2); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%v with the next IV index", err)
	}
	h.Node.IVIndex = 2
	p.IVIndexChanged()
	reserved = []peers.Range{{First: 0x12, Elements: 1}}
	if a, err := p.Reserve(2); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%s, %v: a provisioning has one of them", a, err)
	}
	if a, err := p.Reserve(1); err != nil || a != 0x13 {
		t.Errorf("%s, %v, want 0x0013", a, err)
	}
	reserved = nil
	if a, err := p.Reserve(2); err != nil || a != 0x12 {
		t.Errorf("%s, %v, want 0x0012 again", a, err)
	}
}

// A node with more elements than there are addresses side by side gets none.
func TestGaps(t *testing.T) {
	p := open(t, parttest.New(), peers.Options{Addresses: part.AddressRange{First: 0x10, Last: 0x16}}, none, peer(0x12, 1), peer(0x15, 1))
	if a, err := p.Reserve(3); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%s, %v: there are gaps of two", a, err)
	}
	if a, err := p.Reserve(2); err != nil || a != 0x10 {
		t.Errorf("%s, %v, want 0x0010", a, err)
	}
	if a, err := p.Reserve(0); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%s, %v for no elements", a, err)
	}
}

// A provisioner that joined a network has its own range.
func TestRangeOfAMember(t *testing.T) {
	h := parttest.New()
	h.Node.Address, h.Node.LastAddress = 0x100, 0x101
	p := open(t, h, peers.Options{}, none)
	if a := reserve(t, p, 1); a != 0x101 {
		t.Errorf("%s, want 0x0101", a)
	}
	if _, err := p.Reserve(1); !errors.Is(err, part.ErrNoAddresses) {
		t.Errorf("%v at the end of its range", err)
	}
}

// A node that has its old addresses again, for a refresh has failed, is not excluded.
func TestMovedNode(t *testing.T) {
	h := parttest.New()
	p := open(t, h, peers.Options{}, none, peer(5, 2))
	moved := peer(5, 2)
	moved.Address = 9
	if err := p.Add(moved); err != nil {
		t.Fatal(err)
	}
	if e := p.Exclusions(); len(e) != 1 || e[0].Address != 5 || e[0].Elements != 2 {
		t.Errorf("excluded %v, want its former addresses", e)
	}
	if p.Find(5) != nil || p.Find(10) == nil {
		t.Error("it is found at its former addresses")
	}
	if err := p.Add(peer(5, 2)); err != nil {
		t.Fatal(err)
	}
	if e := p.Exclusions(); len(e) != 1 || e[0].Address != 9 {
		t.Errorf("excluded %v, want those that it had for a while", e)
	}
}

// The device key of a node is found by each of its elements.
func TestFind(t *testing.T) {
	p := open(t, parttest.New(), peers.Options{}, none, peer(5, 2), peer(9, 1))
	for a, want := range map[mesh.Address]mesh.Address{4: 0, 5: 5, 6: 5, 7: 0, 9: 9, 10: 0} {
		owner, cipher := p.DeviceKey(a)
		if owner != want || (cipher != nil) != (want != 0) {
			t.Errorf("%s is an element of %s, want %s", a, owner, want)
		}
	}
}

func TestDamagedNextAddress(t *testing.T) {
	p := peers.New(parttest.New(), peers.Options{}, nil, nil)
	if err := p.Load(func(string) []byte { return []byte{1} }); err == nil {
		t.Error("one octet was taken for an address")
	}
}

// A node that uses fewer addresses than it was given keeps those, and another one gets
// the rest when no others are left.
func TestShrink(t *testing.T) {
	h := parttest.New()
	p := open(t, h, peers.Options{Addresses: part.AddressRange{First: 2, Last: 0x0200}}, none)
	big := peer(reserve(t, p, 255), 255)
	if a := reserve(t, p, 0x0100); a != 0x0101 {
		t.Fatalf("%s, want 0x0101", a)
	}
	if a, err := p.Reserve(1); !errors.Is(err, part.ErrNoAddresses) {
		t.Fatalf("%s, %v: all are given out", a, err)
	}
	for _, elements := range []int{-1, 0, 256} {
		if err := p.Shrink(big.UUID, elements); err == nil {
			t.Errorf("%d elements were accepted", elements)
		}
	}
	if err := p.Shrink(mesh.UUID{9}, 1); err == nil {
		t.Error("a node that nobody knows has shrunk")
	}
	if err := p.Shrink(big.UUID, 84); err != nil {
		t.Fatal(err)
	}
	if k := p.Find(2 + 84); k != nil {
		t.Errorf("%s still has the address", k.UUID)
	}
	if k := p.Find(2 + 83); k == nil || k.Elements != 84 || !k.DeviceKey.Equal(big.DeviceKey) {
		t.Errorf("got %+v", k)
	}
	if a := reserve(t, p, 171); a != 2+84 {
		t.Errorf("%s, want 0x0056", a)
	}
}
