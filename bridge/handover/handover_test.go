package handover_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

func example(t *testing.T) *cdb.Database {
	t.Helper()
	data, err := os.ReadFile("../../mesh/cdb/testdata/network.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := cdb.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func options() handover.Options {
	client := access.Client(mesh.SIGModel(0x1001))
	return handover.Options{
		Elements: []access.Element{{Models: []access.Model{client}}},
		Random:   rand.NewChaCha8([32]byte{1}),
		Now:      time.Unix(1000, 0),
	}
}

func read(t *testing.T, d *cdb.Database, o handover.Options) *handover.Import {
	t.Helper()
	in, err := handover.Read(d, o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// again exports what an import put into a store.
func again(t *testing.T, s store.Store) *cdb.Database {
	t.Helper()
	saved, err := node.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	n := handover.Network{Name: "bridge", Node: saved.Node, Peers: saved.Peers, Now: time.Unix(2000, 0)}
	if n.Records, err = device.Load(s); err != nil {
		t.Fatal(err)
	}
	if n.Kept, err = handover.LoadKept(s); err != nil {
		t.Fatal(err)
	}
	return handover.Write(n)
}

// TestNothingIsLost imports a network and exports it: what the bridge does not
// use comes back as it was, and the bridge is in it.
func TestNothingIsLost(t *testing.T) {
	d := example(t)
	s := store.NewMemory()
	if err := read(t, d, options()).Store(s); err != nil {
		t.Fatal(err)
	}
	out := again(t, s)
	if problems := out.Check(); len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(out.Nodes) != 3 || len(out.Provisioners) != 3 {
		t.Fatalf("got %d nodes, %d provisioners", len(out.Nodes), len(out.Provisioners))
	}
	ours := out.Nodes[0]
	if ours.Name != "bridge" || ours.Address != 0x3335 || ours.Elements[0].Models[0].ID != mesh.SIGModel(0x1001) {
		t.Errorf("the bridge is %+v", ours)
	}
	if r := out.Provisioners[2].Unicast[0]; r.Low != 0x3335 || r.High != 0x3734 {
		t.Errorf("its range is %+v", r)
	}
	out.Nodes = out.Nodes[1:]
	out.Provisioners = out.Provisioners[:2]
	out.Timestamp = d.Timestamp
	slices.SortFunc(out.Nodes, func(a, b cdb.Node) int { return int(a.Address) - int(b.Address) })
	got, want := text(t, out), text(t, d)
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func text(t *testing.T, d *cdb.Database) string {
	t.Helper()
	data, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestMember is what the bridge makes of the file.
func TestMember(t *testing.T) {
	iv := mesh.IVIndex(9)
	o := options()
	o.IVIndex = &iv
	in := read(t, example(t), o)
	n := in.Saved.Node
	switch {
	case n.Address != 0x3335 || n.LastAddress != 0x3734:
		t.Errorf("the bridge is %s to %s", n.Address, n.LastAddress)
	case n.IVIndexUnknown || n.IVIndex != 9:
		t.Errorf("IV index %d, unknown %t", n.IVIndex, n.IVIndexUnknown)
	case n.Subnets[1].Phase != state.FirstPhase || n.Subnets[1].NewKey.Reveal()[0] != 0x01 || n.Subnets[1].Key.Reveal()[0] != 0xFE:
		t.Error("the refreshed NetKey is not as in the file")
	case in.AppKey != 0 || n.AppKeys[0].Updated || !n.AppKeys[1].Updated:
		t.Errorf("it speaks with AppKey %d of %+v", in.AppKey, n.AppKeys)
	case len(in.Saved.Peers) != 1 || in.Saved.Peers[0].Elements != 2:
		t.Errorf("got peers %+v", in.Saved.Peers)
	}
	r := in.Records[0]
	if r.Name != "Lamp" || r.Interview != device.Pending || !r.Imported || len(r.Composition.Elements) != 2 || r.Composition.CompanyID != 0x59 {
		t.Errorf("got %+v", r)
	}
	if o.IVIndex = nil; !read(t, example(t), o).Saved.Node.IVIndexUnknown {
		t.Error("the IV index is known from nowhere")
	}
}

// TestAddresses finds a free range.
func TestAddresses(t *testing.T) {
	o := options()
	for _, test := range []struct {
		at        mesh.Address
		low, high mesh.Address
		fails     string
	}{
		{0, 0x3335, 0x3734, ""},
		{0x5000, 0x5000, 0x53FF, ""},
		{0x7FFE, 0x7FFE, 0x7FFF, ""},
		{0x0005, 0, 0, "free are 0x3335 to 0x7fff"},
		{0x199A, 0, 0, "belongs to a node or to the range of a provisioner"},
		{0xC000, 0, 0, "belongs to a node"},
	} {
		o.Address = test.at
		in, err := handover.Read(example(t), o)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%s: got %v", test.at, err)
			}
			continue
		}
		if err != nil || in.Range.Low != test.low || in.Range.High != test.high {
			t.Errorf("%s: got %+v, %v", test.at, in, err)
		}
	}
	o.Address = 0
	d := example(t)
	d.Provisioners[1].Unicast = []cdb.AddressRange{{Low: 0x199B, High: 0x3FFF}, {Low: 0x4500, High: 0x7FFF}}
	if in := read(t, d, o); in.Range.Low != 0x4000 || in.Range.High != 0x43FF {
		t.Errorf("the smallest gap with room: got %+v", in.Range)
	}
	d.Provisioners[1].Unicast[1].Low = 0x4010
	if in := read(t, d, o); in.Range.Low != 0x4000 || in.Range.High != 0x400F {
		t.Errorf("a small gap: got %+v", in.Range)
	}
	d.Provisioners[1].Unicast = []cdb.AddressRange{{Low: 0x199B, High: 0x7FFF}}
	if _, err := handover.Read(d, o); !errors.Is(err, handover.ErrNoRoom) {
		t.Errorf("no room: got %v", err)
	}
	d.Provisioners[1].Unicast = []cdb.AddressRange{{Low: 0x199B, High: 0x7FFD}}
	d.Exclusions = append(d.Exclusions, cdb.Exclusion{IVIndex: 3, Addresses: []mesh.Address{0x7FFE}})
	if in := read(t, d, o); in.Range.Low != 0x7FFF {
		t.Errorf("an excluded address was taken: %+v", in.Range)
	}
}

// TestLeftOut tells what could not be taken over.
func TestLeftOut(t *testing.T) {
	d := example(t)
	lamp := d.Nodes[1]
	noKey, excluded, twice := lamp, lamp, lamp
	noKey.UUID[0], noKey.Address, noKey.DeviceKey, noKey.Name = 1, 0x0010, nil, "a/+/b"
	excluded.UUID[0], excluded.Address, excluded.Excluded = 2, 0x0020, true
	twice.UUID[0], twice.Address = 3, 0x0030
	d.Nodes = append(d.Nodes, noKey, excluded, twice)
	d.Partial = true
	in := read(t, d, options())
	if len(in.Records) != 3 || len(in.Saved.Peers) != 3 {
		t.Fatalf("got %d records, %d peers", len(in.Records), len(in.Saved.Peers))
	}
	names := map[string]bool{}
	for _, r := range in.Records {
		names[r.Name] = true
	}
	if len(names) != 3 || names["a/+/b"] {
		t.Errorf("got names %v", names)
	}
	if r := in.Records[1]; r.Interview != device.Successful || !in.Saved.Peers[1].DeviceKey.IsZero() {
		t.Errorf("without its device key: %+v", r)
	}
	notes := strings.Join(in.Notes, "\n")
	for _, want := range []string{"excluded from the network", "without its device key", `"a/+/b" is not valid as a name`, `"Lamp" is not valid as a name`} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in %s", want, notes)
		}
	}
}

// TestNoAppKey gives the network one.
func TestNoAppKey(t *testing.T) {
	d := example(t)
	d.AppKeys = nil
	d.Partial = true
	in := read(t, d, options())
	if n := in.Saved.Node; len(n.AppKeys) != 1 || n.AppKeys[0].Key.IsZero() || len(in.Notes) == 0 {
		t.Errorf("got %+v, %v", n.AppKeys, in.Notes)
	}
}

// TestNotTwice leaves alone a store that has a network.
func TestNotTwice(t *testing.T) {
	s := store.NewMemory()
	in := read(t, example(t), options())
	if err := in.Store(s); err != nil {
		t.Fatal(err)
	}
	before, err := s.All(node.TableNode)
	if err != nil {
		t.Fatal(err)
	}
	if err := read(t, example(t), options()).Store(s); !errors.Is(err, handover.ErrNotEmpty) {
		t.Errorf("got %v", err)
	}
	if after, err := s.All(node.TableNode); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("the store has changed, %v", err)
	}
}

// TestOwnNetwork describes a network that the bridge made itself.
func TestOwnNetwork(t *testing.T) {
	saved, err := node.NewNetwork(1, rand.NewChaCha8([32]byte{2}))
	if err != nil {
		t.Fatal(err)
	}
	saved.Node.Elements = []state.Element{{}}
	n := handover.Network{
		Name: "home", Node: saved.Node, Now: time.Unix(1, 0),
		Peers:      []state.Peer{{UUID: mesh.UUID{7}, Address: 2, Elements: 3, DeviceKey: saved.Node.DeviceKey}},
		Exclusions: []node.Exclusion{{IVIndex: 1, Address: 8, Elements: 2}, {IVIndex: 1, Address: 9, Elements: 1}},
	}
	d := handover.Write(n)
	data, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil || fields["meshName"] != "home" || fields["partial"] != false {
		t.Errorf("got %s, %v", data, err)
	}
	if len(d.Nodes) != 2 || len(d.Nodes[1].Elements) != 3 || !slices.Equal(d.Exclusions[0].Addresses, []mesh.Address{8, 9}) {
		t.Errorf("got %+v", d)
	}
	if _, err := cdb.Parse(data); err != nil {
		t.Error(err)
	}
}

// Names in a file that are not allowed here, or whose topics would be those of another
// device, become similar ones. No device is lost, and each change is noted.
func TestNamesOfOthers(t *testing.T) {
	d := example(t)
	lamp := d.Nodes[1]
	d.Nodes = nil
	wanted := []string{"plug", "plug/0", "Plug", "0x00AA", "la\u200Bmp", "", "bridge", "x/set", "\u202E", "e\u0301", "hall/lamp"}
	for i, name := range wanted {
		n := lamp
		n.UUID[0], n.UUID[1], n.Address, n.Name = 9, byte(i), 0x2000+mesh.Address(2*i), name
		d.Nodes = append(d.Nodes, n)
	}
	in := read(t, d, options())
	if len(in.Records) != len(wanted) {
		t.Fatalf("%d devices, expected %d", len(in.Records), len(wanted))
	}
	want := []string{"plug", "plug_0", "", "device_0x00AA", "lamp", "", "bridge_", "x/set_", "", "\u00E9", "hall/lamp"}
	notes := strings.Join(in.Notes, "\n") + "\n"
	seen := map[string]bool{}
	for i, r := range in.Records {
		if seen[r.Name] || topic.CheckName(r.Name) != nil {
			t.Errorf("%q is called %q: %v", wanted[i], r.Name, topic.CheckName(r.Name))
		}
		seen[r.Name] = true
		if want[i] != "" && r.Name != want[i] {
			t.Errorf("%q is called %q, expected %q", wanted[i], r.Name, want[i])
		}
		if noted := strings.Contains(notes, "the device is called "+r.Name+"\n"); noted != (r.Name != wanted[i] && wanted[i] != "") {
			t.Errorf("%q is called %q, noted: %t", wanted[i], r.Name, noted)
		}
	}
}
