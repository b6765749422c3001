package state_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

func key(first byte) crypto.Key {
	k := crypto.Key{first}
	for i := 1; i < len(k); i++ {
		k[i] = byte(0xA0 + i)
	}
	return k
}

// full is a node with every field set.
func full() *state.Node {
	return &state.Node{
		UUID:      mesh.UUID{1, 2, 3},
		Address:   0x0123,
		DeviceKey: key(1),
		IVIndex:   0x12345678,
		IVUpdate:  true,
		Subnets: []state.Subnet{
			{Index: 0, Key: key(2)},
			{Index: 0xFFF, Phase: state.SecondPhase, Key: key(3), NewKey: key(4)},
		},
		AppKeys:         []state.AppKey{{Index: 7, NetKey: 0xFFF, Updated: true, Key: key(5), NewKey: key(6)}},
		DefaultTTL:      9,
		NetworkTransmit: state.Retransmit{Count: 7, Steps: 31},
		Relay:           state.Enabled,
		RelayRetransmit: state.Retransmit{Count: 1, Steps: 2},
		Proxy:           state.Unsupported,
		Friend:          state.Disabled,
		Beacon:          true,
		PrivateBeacon:   state.PrivateBeacon{Enabled: true, Steps: 60},
		LowPower:        true,
		SARTransmitter:  &transport.Transmitter{SegmentIntervalStep: 9, MulticastRetransmissions: 3},
		SARReceiver:     &transport.Receiver{SegmentsThreshold: 31, AckRetransmissions: 1},
		HeartbeatPublication: state.HeartbeatPublication{
			Destination: 1, CountLog: 0xFF, PeriodLog: 7, TTL: 9, Features: 5, NetKey: 0xFFF,
		},
		PrivateProxy:  state.Enabled,
		OnDemandProxy: 30,
		Bridge: state.Bridge{Enabled: true, Table: []state.BridgeEntry{
			{NetKey1: 1, NetKey2: 2, Address1: 3, Address2: 0xC000},
		}},
		Directed: &state.Directed{RSSIMargin: 5, Subnets: []state.DirectedSubnet{{NetKey: 7, Paths: []state.FixedPath{{BearerTowardOrigin: 1}}}}},
		Elements: []state.Element{
			{Location: 0x0100, Models: []state.Model{{
				ID:            mesh.SIG | 0x1000,
				Bindings:      []mesh.KeyIndex{7},
				Subscriptions: []mesh.Address{0xC000, 0x8001},
				Labels:        []mesh.UUID{{9}},
				Publication: state.Publication{
					Address: 0x8001, Label: mesh.UUID{9}, AppKey: 7, Friendship: true,
					TTL: mesh.DefaultTTL, Period: 0x45, Retransmit: 0x21,
				},
				Values: []byte{1, 0, 255},
			}}},
			{Models: []state.Model{{ID: mesh.VendorModel(0x005D, 1)}}},
		},
	}
}

func TestStoredNodeComesBackAsItWas(t *testing.T) {
	want := full()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestStoredPeerComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elements := rapid.IntRange(1, 255).Draw(t, "elements")
		want := state.Peer{
			UUID:     mesh.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")),
			Address:  mesh.Address(rapid.IntRange(1, int(mesh.LastUnicast)-elements+1).Draw(t, "address")),
			Elements: elements,
			NetKey:   mesh.KeyIndex(rapid.IntRange(0, int(mesh.MaxKeyIndex)).Draw(t, "net key")),
		}
		copy(want.DeviceKey[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := state.DecodePeer(data)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
		last := want.Address + mesh.Address(elements-1)
		if !want.Holds(want.Address) || !want.Holds(last) || want.Holds(want.Address-1) || want.Holds(last+1) {
			t.Fatalf("%+v does not contain exactly its elements", want)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	good, err := full().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"nothing":       "",
		"not an object": "[]",
		"newer version": strings.Replace(string(good), `"Version":1`, `"Version":2`, 1),
		"short key":     strings.Replace(string(good), hex.EncodeToString(key(2).Reveal()), "00", 1),
		"no key":        strings.Replace(string(good), hex.EncodeToString(key(2).Reveal()), strings.Repeat("x", 32), 1),
	} {
		if n, err := state.Decode([]byte(data)); err == nil {
			t.Errorf("%s: decoded as %+v", name, n)
		} else if strings.Contains(err.Error(), hex.EncodeToString(key(1).Reveal())) {
			t.Errorf("%s: the error shows a key: %v", name, err)
		}
	}
	for name, data := range map[string]string{
		"no version":       `{"UUID":"00000000000000000000000000000000","Address":"0x0001","Elements":1}`,
		"no elements":      `{"Version":1,"Address":"0x0001","Elements":0}`,
		"group address":    `{"Version":1,"Address":"0xc000","Elements":1}`,
		"beyond the range": `{"Version":1,"Address":"0x7fff","Elements":2}`,
	} {
		if p, err := state.DecodePeer([]byte(data)); err == nil {
			t.Errorf("%s: decoded as %+v", name, p)
		}
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	n := full()
	p := state.Peer{DeviceKey: key(1)}
	asJSON, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(asJSON), fmt.Sprint(n), fmt.Sprintf("%+v %#v %x", *n, *n, n.Subnets), fmt.Sprintf("%+v %#v", p, p),
	} {
		for first := byte(1); first <= 6; first++ {
			secret := key(first)
			for _, form := range []string{hex.EncodeToString(secret.Reveal()), strings.Trim(fmt.Sprint(secret.Reveal()), "[]")} {
				if strings.Contains(text, form) {
					t.Fatalf("a key shows in %s", text)
				}
			}
		}
	}
}

func TestLookUps(t *testing.T) {
	n := full()
	if e := n.Element(0x0124); e != &n.Elements[1] || n.Element(0x0122) != nil || n.Element(0x0125) != nil {
		t.Error("an element is not found by its address")
	}
	if n.Subnet(0xFFF) != &n.Subnets[1] || n.Subnet(1) != nil || n.AppKey(7) != &n.AppKeys[0] || n.AppKey(0) != nil {
		t.Error("a key is not found by its index")
	}
	m := n.Elements[0].Model(mesh.SIG | 0x1000)
	if m == nil || !m.IsBound(7) || m.IsBound(0) || !m.IsSubscribed(0xC000) || m.IsSubscribed(0xC001) {
		t.Errorf("the configuration of a model is not found: %+v", m)
	}
	if n.Elements[0].Model(mesh.SIG|0x1001) != nil {
		t.Error("a model was found that does not exist")
	}
}

func TestResetKeepsIdentityAndValuesOnly(t *testing.T) {
	n := full()
	n.Reset()
	want := full()
	want.Address, want.DeviceKey, want.IVIndex, want.IVUpdate = 0, crypto.Key{}, 0, false
	want.Subnets, want.AppKeys = nil, nil
	want.HeartbeatPublication = state.HeartbeatPublication{}
	want.OnDemandProxy, want.Bridge, want.Directed = 0, state.Bridge{}, nil
	for e := range want.Elements {
		for m := range want.Elements[e].Models {
			old := want.Elements[e].Models[m]
			want.Elements[e].Models[m] = state.Model{ID: old.ID, Values: old.Values}
		}
	}
	if n.IsProvisioned() || !reflect.DeepEqual(n, want) {
		t.Errorf("got  %+v\nwant %+v", n, want)
	}
	if n.Element(0) != nil {
		t.Error("an unprovisioned node has an element with an address")
	}
}

func TestPublicationTimes(t *testing.T) {
	for period, want := range map[uint8]time.Duration{
		0x00: 0, 0x05: 500 * time.Millisecond, 0x45: 5 * time.Second, 0x86: time.Minute, 0xFF: 630 * time.Minute,
	} {
		if got := (state.Publication{Period: period}).Interval(); got != want {
			t.Errorf("period 0x%02x: %s, expected %s", period, got, want)
		}
	}
	count, interval := (state.Publication{Retransmit: 0x21}).Repeats()
	if count != 1 || interval != 250*time.Millisecond {
		t.Errorf("repeats %d every %s", count, interval)
	}
	if transmit := (state.Retransmit{Count: 2, Steps: 1}).Transmit(); transmit.Count != 3 || transmit.Interval != 20*time.Millisecond {
		t.Errorf("transmit %+v", transmit)
	}
}

// FuzzDecode decodes damaged stored data: no panic, and what is decoded can be
// encoded.
func FuzzDecode(f *testing.F) {
	node, err := full().Encode()
	if err != nil {
		f.Fatal(err)
	}
	peer := state.Peer{Address: 5, Elements: 3, DeviceKey: key(1)}
	stored, err := peer.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(node)
	f.Add(stored)
	f.Add([]byte(`{"Version":1,"Elements":[{"Models":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := state.Decode(data); err == nil {
			first, err := n.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := state.Decode(first)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := again.Encode(); err != nil || !bytes.Equal(first, second) {
				t.Fatalf("%s became %s, %v", first, second, err)
			}
		}
		if p, err := state.DecodePeer(data); err == nil {
			again, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := state.DecodePeer(again); err != nil || got != p {
				t.Fatalf("%+v became %+v, %v", p, got, err)
			}
		}
	})
}
