package handover_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// TestKeysOfDevices: a device is exported with the subnets and AppKeys that it
// has, and its models with the AppKey that they are bound to; imported again it is
// spoken to with these.
func TestKeysOfDevices(t *testing.T) {
	saved, err := node.NewNetwork(0x0001, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	n := saved.Node
	n.LastAddress = 0x00FF
	n.Subnets = append(n.Subnets, state.Subnet{Index: 7, Key: crypto.Key{7}})
	n.AppKeys = append(n.AppKeys, state.AppKey{Index: 3, NetKey: 7, Key: crypto.Key{3}}, state.AppKey{Index: 9, Key: crypto.Key{9}})
	composition := &configuration.Composition{Elements: []configuration.CompositionElement{{Models: []mesh.ModelID{generic.OnOffServerID}}}}
	far := device.Record{
		UUID: mesh.UUID{1}, Address: 0x0010, Count: 1, Name: "far", Interview: device.Successful, Composition: composition,
		NetKey: 7, AppKey: 3,
	}
	both := device.Record{
		UUID: mesh.UUID{2}, Address: 0x0011, Count: 1, Name: "both", Interview: device.Successful, Composition: composition,
		NetKeys: []mesh.KeyIndex{7}, AppKeys: []mesh.KeyIndex{3, 9},
	}
	network := handover.Network{Name: "home", Node: n, Records: []*device.Record{&far, &both}, Now: time.Unix(2000, 0)}
	for _, r := range network.Records {
		network.Peers = append(network.Peers, state.Peer{UUID: r.UUID, Address: r.Address, Elements: 1, NetKey: r.NetKey, DeviceKey: crypto.Key{r.UUID[0]}})
	}
	d := handover.Write(network)
	indexes := func(keys []cdb.NodeKey) (all []mesh.KeyIndex) {
		for _, k := range keys {
			all = append(all, k.Index)
		}
		return all
	}
	for i, want := range []struct{ net, app, bind []mesh.KeyIndex }{
		{[]mesh.KeyIndex{7}, []mesh.KeyIndex{3}, []mesh.KeyIndex{3}},
		{[]mesh.KeyIndex{0, 7}, []mesh.KeyIndex{0, 3, 9}, []mesh.KeyIndex{0}},
	} {
		got := d.Nodes[i+1] // behind the bridge
		net, app, bind := indexes(got.NetKeys), indexes(got.AppKeys), got.Elements[0].Models[0].Bind
		if !slices.Equal(net, want.net) || !slices.Equal(app, want.app) || !slices.Equal(bind, want.bind) {
			t.Errorf("%s: got NetKeys %v, AppKeys %v, bound to %v, expected %+v", got.Name, net, app, bind, want)
		}
	}
	in := read(t, d, options())
	for _, r := range in.Records {
		if r.Name == "far" && (r.NetKey != 7 || r.AppKey != 3) {
			t.Errorf("imported again it is in subnet %d and has AppKey %d, expected 7 and 3", r.NetKey, r.AppKey)
		}
	}
}
