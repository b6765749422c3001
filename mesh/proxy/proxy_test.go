package proxy_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// longest is the length of the longest message of a type.
func longest(t proxy.MessageType) int {
	if t == proxy.ProvisioningPDU {
		return 512
	}
	return 29
}

// TestSplitAndReassemble: every message arrives, with any room, and after
// anything that a peer has sent before.
func TestSplitAndReassemble(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r proxy.Reassembly
		for _, noise := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 10).Draw(t, "noise") {
			r.Receive(start, noise)
		}
		kind := proxy.MessageType(rapid.IntRange(0, 3).Draw(t, "type"))
		message := rapid.SliceOfN(rapid.Byte(), 1, longest(kind)).Draw(t, "message")
		room := rapid.IntRange(2, 300).Draw(t, "room")
		pdus := proxy.Split(nil, kind, message, room)
		for i, pdu := range pdus {
			if len(pdu) > room {
				t.Fatalf("PDU of %d octets, room for %d", len(pdu), room)
			}
			k, got, complete := r.Receive(start, pdu)
			if complete != (i == len(pdus)-1) {
				t.Fatalf("complete after %d of %d", i+1, len(pdus))
			}
			if complete && (k != kind || !bytes.Equal(got, message)) {
				t.Fatalf("%v %x, want %v %x", k, got, kind, message)
			}
		}
		if !r.Deadline().IsZero() {
			t.Error("a message is pending")
		}
	})
}

// TestReassemblyOverflow: endless segments are dropped at the limit of their
// type, and the memory stays that of the longest message.
func TestReassemblyOverflow(t *testing.T) {
	for kind := range proxy.MessageType(4) {
		var r proxy.Reassembly
		r.Receive(start, append([]byte{0x40 | byte(kind)}, make([]byte, 19)...))
		for range 1000 {
			if _, _, complete := r.Receive(start, append([]byte{0x80 | byte(kind)}, make([]byte, 19)...)); complete {
				t.Fatalf("%v: complete without a last segment", kind)
			}
		}
		if _, _, complete := r.Receive(start, []byte{0xC0 | byte(kind), 1}); complete || r.Faults() < 900 {
			t.Errorf("%v: complete %t, %d faults", kind, complete, r.Faults())
		}
		whole := append([]byte{byte(kind)}, make([]byte, longest(kind))...)
		if _, m, complete := r.Receive(start, whole); !complete || len(m) != longest(kind) {
			t.Errorf("%v: the longest message is not accepted", kind)
		}
		if _, _, complete := r.Receive(start, append(whole, 0)); complete {
			t.Errorf("%v: a longer one is accepted", kind)
		}
	}
}

func TestReassemblyDeadline(t *testing.T) {
	var r proxy.Reassembly
	r.Receive(start, []byte{0x40, 1})
	if r.Deadline() != start.Add(proxy.SARTimeout) {
		t.Error("no deadline with the first segment")
	}
	later := start.Add(10 * time.Second)
	r.Receive(later, []byte{0x80, 1})
	if r.Deadline() != later.Add(proxy.SARTimeout) {
		t.Error("the deadline is not renewed by each segment")
	}
	r.Receive(later, []byte{0xC0, 1})
	if !r.Deadline().IsZero() {
		t.Error("a deadline stays")
	}
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, m := range []proxy.Message{
		proxy.SetFilterType{Type: proxy.RejectList},
		proxy.FilterStatus{Type: proxy.RejectList, Size: 0x1234},
		proxy.DirectedProxyCapabilitiesStatus{UseDirected: true},
		proxy.DirectedProxyControl{},
		proxy.DirectedProxyControl{UseDirected: true, First: 0x7FFF, Count: 1},
	} {
		if got, err := proxy.ParseMessage(m.Append(nil)); err != nil || got != m {
			t.Errorf("%#v: %#v, %v", m, got, err)
		}
	}
	add := proxy.AddAddresses{Addresses: []mesh.Address{1, 0xC000, 0x8001, 0xFFFF, 5}}
	got, err := proxy.ParseMessage(add.Append(nil))
	if a, ok := got.(proxy.AddAddresses); err != nil || !ok || !slices.Equal(a.Addresses, add.Addresses) {
		t.Errorf("%#v, %v", got, err)
	}
	for _, wrong := range [][]byte{
		{},
		{0},
		{0, 2},
		{0, 0, 0},
		{1},
		{1, 0},
		{1, 0, 1, 2},
		{1, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6},
		{2},
		{3, 0, 0},
		{3, 2, 0, 0},
		{4, 2, 0},
		{4, 0},
		{5},
		{5, 1},
		{5, 1, 0, 0},
		{5, 1, 0, 1, 1},
		{5, 1, 0x80, 1},
		{5, 1, 0x80, 1, 0},
		{5, 1, 0xFF, 0xFF, 2},
		{5, 2, 0, 1},
		{6},
	} {
		if m, err := proxy.ParseMessage(wrong); err == nil {
			t.Errorf("%x was decoded as %#v", wrong, m)
		}
	}
}

// TestFilter compares with a model: a set.
func TestFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f proxy.Filter
		kind, set := proxy.AcceptList, map[mesh.Address]bool{}
		address := rapid.Custom(func(t *rapid.T) mesh.Address {
			return mesh.Address(rapid.SampledFrom([]uint16{0, 1, 2, 3, 0x7FFF, 0x8000, 0xC000, 0xFFFF}).Draw(t, "address"))
		})
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			a := address.Draw(t, "a")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				kind = proxy.FilterType(rapid.IntRange(0, 1).Draw(t, "kind"))
				f.Set(kind)
				clear(set)
			case 1:
				f.Add(a)
				if a != mesh.Unassigned {
					set[a] = true
				}
			case 2:
				f.Remove(a)
				delete(set, a)
			case 3:
				f.Sent(a)
				if kind == proxy.AcceptList && a != mesh.Unassigned {
					set[a] = true
				} else {
					delete(set, a)
				}
			}
			if got := f.Status(); got != (proxy.FilterStatus{Type: kind, Size: uint16(len(set))}) {
				t.Fatalf("%+v, want %v with %d", got, kind, len(set))
			}
			b := address.Draw(t, "b")
			want := set[b] == (kind == proxy.AcceptList) || kind == proxy.AcceptList && b == mesh.AllNodes
			if f.Passes(b) != want {
				t.Fatalf("%v with %v passes %v: %t", kind, set, b, !want)
			}
		}
	})
}

func TestFilterIsBounded(t *testing.T) {
	var f proxy.Filter
	for a := range mesh.Address(0x7FFF) {
		f.Sent(a + 1)
	}
	if got := f.Status().Size; got != proxy.MaxFilter {
		t.Errorf("%d addresses, at most %d are wanted", got, proxy.MaxFilter)
	}
}

// TestServiceDataFits: all service data fits next to flags and the list of
// services.
func TestServiceDataFits(t *testing.T) {
	identity := proxy.NewIdentity(crypto.Key{1})
	all := map[string][]byte{
		"device":       proxy.DeviceServiceData(mesh.UUID{1}, 0),
		"solicitation": proxy.SolicitationData(make([]byte, 17)),
	}
	for _, kind := range []proxy.Identification{proxy.NetworkID, proxy.NodeIdentity, proxy.PrivateNetworkIdentity, proxy.PrivateNodeIdentity} {
		all[kind.String()] = identity.ServiceData(kind, [8]byte{1}, 5)
	}
	for name, data := range all {
		if len(data) == 0 || len(data) > bearer.MaxConnectableData {
			t.Errorf("%s: %d octets, at most %d fit", name, len(data), bearer.MaxConnectableData)
		}
	}
}

func TestSolicitationRPL(t *testing.T) {
	var l proxy.SolicitationRPL
	for _, c := range []struct {
		src  mesh.Address
		seq  mesh.SequenceNumber
		want bool
	}{{5, 10, true}, {5, 10, false}, {5, 9, false}, {5, 11, true}, {4, 0, true}, {4, 0, false}} {
		if got := l.Accept(c.src, c.seq); got != c.want {
			t.Errorf("%v %d: %t", c.src, c.seq, got)
		}
	}
	for a := mesh.Address(100); len(l) < proxy.MaxSolicitors; a++ {
		l.Accept(a, 0)
	}
	if l.Accept(0x7000, 1) {
		t.Error("the list has no limit")
	}
	l.Clear(4, 2)
	if len(l) != proxy.MaxSolicitors-2 || !l.Accept(5, 1) {
		t.Error("the sources were not forgotten")
	}
}

func FuzzReassembly(f *testing.F) {
	f.Add([]byte{4, 0x40, 1, 2, 3, 3, 0xC0, 4, 5, 2, 0x03, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r proxy.Reassembly
		now := start
		for len(data) > 0 {
			n := min(int(data[0]), len(data)-1)
			pdu := data[1 : 1+n]
			data, now = data[1+n:], now.Add(time.Second)
			kind, m, complete := r.Receive(now, pdu)
			if complete && (kind > proxy.ProvisioningPDU || len(m) == 0 || len(m) > longest(kind)) {
				t.Fatalf("%v of %d octets", kind, len(m))
			}
			if d := r.Deadline(); !d.IsZero() && d.After(now.Add(proxy.SARTimeout)) {
				t.Fatalf("deadline %v", d)
			}
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, seed := range [][]byte{{0, 1}, {1, 0, 5}, {2, 0, 5, 0, 6}, {3, 0, 0, 1}, {4, 1, 1}, {5, 1, 0x86, 7, 3}, {5, 0}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := proxy.ParseMessage(data)
		if err != nil {
			return
		}
		again, err := proxy.ParseMessage(m.Append(nil))
		if list, ok := m.(proxy.AddAddresses); ok && len(list.Addresses) == 0 {
			return // it had only unassigned ones
		}
		if list, ok := m.(proxy.RemoveAddresses); ok && len(list.Addresses) == 0 {
			return
		}
		if err != nil || !bytes.Equal(again.Append(nil), m.Append(nil)) {
			t.Errorf("%#v became %#v, %v", m, again, err)
		}
	})
}

func FuzzServiceData(f *testing.F) {
	i := proxy.NewIdentity(crypto.Key{7})
	for kind := range proxy.Identification(4) {
		f.Add(i.ServiceData(kind, [8]byte{1, 2}, 5))
	}
	f.Add(proxy.DeviceServiceData(mesh.UUID{1}, beacon.OOBNumber))
	f.Add(proxy.SolicitationData(make([]byte, 17)))
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, ok := proxy.TypeOf(data)
		if network, node := i.IsNetwork(data), i.IsNode(data, 5); (network || node) && (!ok || network && node || kind.IsNode() != node) {
			t.Errorf("%x is of kind %v, %t, network %t, node %t", data, kind, ok, network, node)
		}
		if uuid, oob, ok := proxy.ParseDeviceServiceData(data); ok && !bytes.Equal(proxy.DeviceServiceData(uuid, oob), data) {
			t.Errorf("%x is decoded as %v %v", data, uuid, oob)
		}
		if pdu, ok := proxy.ParseSolicitationData(data); ok && !bytes.Equal(proxy.SolicitationData(pdu), data) {
			t.Errorf("%x is decoded as %x", data, pdu)
		}
	})
}

func TestServiceDataDiffersByRandom(t *testing.T) {
	i := proxy.NewIdentity(crypto.Key{7})
	r := rand.NewChaCha8([32]byte{1})
	seen := map[string]bool{}
	for range 100 {
		var random [8]byte
		_, _ = r.Read(random[:])
		data := i.ServiceData(proxy.PrivateNodeIdentity, random, 9)
		if seen[string(data)] || !i.IsNode(data, 9) || i.IsNode(data, 8) || i.IsNetwork(data) {
			t.Fatalf("%x", data)
		}
		seen[string(data)] = true
	}
}
