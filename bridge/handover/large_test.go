package handover_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
)

// exported is what Export writes of a store, and what Write makes of it.
func exported(t *testing.T, s store.Store) (streamed, whole string) {
	t.Helper()
	saved, err := node.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	n := handover.Network{Name: "bridge", Node: saved.Node, Peers: saved.Peers, Exclusions: saved.Exclusions, Now: options().Now}
	var b bytes.Buffer
	if err := handover.Export(&b, s, n); err != nil {
		t.Fatal(err)
	}
	if n.Records, err = device.Load(s); err != nil {
		t.Fatal(err)
	}
	if n.Kept, err = handover.LoadKept(s); err != nil {
		t.Fatal(err)
	}
	return b.String(), text(t, handover.Write(n))
}

// TestExportNodeByNode compares the two ways to export: a network that was
// imported, also by an older version, and one that has lost a device since.
func TestExportNodeByNode(t *testing.T) {
	d := example(t)
	noKey, excluded := d.Nodes[1], d.Nodes[1]
	noKey.UUID[0], noKey.Address, noKey.DeviceKey = 1, 0x0010, nil
	excluded.UUID[0], excluded.Address, excluded.Excluded = 2, 0x0020, true
	d.Nodes, d.Partial = append(d.Nodes, noKey, excluded), true
	s := store.NewMemory()
	in := read(t, d, options())
	if err := in.Store(s); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][]store.Change{
		"imported":             nil,
		"by an older version":  {{Table: handover.Table, Key: "others"}},
		"a device was removed": {{Table: node.TablePeers, Key: in.Records[0].UUID.String()}, {Table: device.Table, Key: in.Records[0].UUID.String()}},
	} {
		if err := s.Apply(change...); err != nil {
			t.Fatal(err)
		}
		if streamed, whole := exported(t, s); streamed != whole {
			t.Errorf("%s: got %s\nwant %s", name, streamed, whole)
		}
	}
}

// interrupted is a store that fails after some changes.
type interrupted struct {
	store.Store
	left int
}

var errInterrupted = errors.New("no space left on device")

func (i *interrupted) Apply(changes ...store.Change) error {
	if i.left--; i.left < 0 {
		return errInterrupted
	}
	return i.Store.Apply(changes...)
}

// TestInterruptedImport checks that an interrupted import leaves no network, and
// can be repeated with another file.
func TestInterruptedImport(t *testing.T) {
	large := village(2000)
	for left := 0; ; left++ {
		s := store.NewMemory()
		in, err := handover.ReadFrom(large, options())
		if err != nil {
			t.Fatal(err)
		}
		err = in.Store(&interrupted{s, left})
		if err == nil {
			if left < 3 {
				t.Errorf("it took only %d steps", left)
			}
			break
		}
		if !errors.Is(err, errInterrupted) {
			t.Fatal(err)
		}
		if saved, err := node.Load(s); err != nil && !errors.Is(err, store.ErrDamaged) || saved.Node != nil {
			t.Errorf("after %d steps there is a network: %v", left, err)
		}
		if err := read(t, example(t), options()).Store(s); err != nil {
			t.Fatalf("after %d steps: %v", left, err)
		}
		again, _ := exported(t, s)
		fresh := store.NewMemory()
		if err := read(t, example(t), options()).Store(fresh); err != nil {
			t.Fatal(err)
		}
		if want, _ := exported(t, fresh); again != want {
			t.Errorf("after %d steps something of the other file is left", left)
		}
	}
}

// TestRemains refuses a store that holds something, but no network.
func TestRemains(t *testing.T) {
	s := store.NewMemory()
	if err := s.Apply(store.Change{Table: device.Table, Key: "x", Value: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := read(t, example(t), options()).Store(s); !errors.Is(err, handover.ErrRemains) {
		t.Errorf("got %v", err)
	}
}

// village is a network of many lamps, made while it is read.
type village int

func (v village) Head() *cdb.Database {
	return &cdb.Database{
		UUID: mesh.UUID{1}, Name: "village",
		NetKeys:      []cdb.NetKey{{Name: "net", Key: crypto.Key{1}}},
		AppKeys:      []cdb.AppKey{{Name: "app", Key: crypto.Key{2}}},
		Provisioners: []cdb.Provisioner{{Name: "phone", UUID: mesh.UUID{2}, Unicast: []cdb.AddressRange{{Low: 1, High: 0x7000}}}},
	}
}

func (v village) Nodes(visit func(*cdb.Node) error) error {
	for i := range int(v) {
		n := &cdb.Node{
			UUID: mesh.UUID{3, byte(i >> 8), byte(i)}, Name: fmt.Sprintf("lamp %d", i), Address: mesh.Address(0x100 + i), DeviceKey: &crypto.Key{byte(i), 1},
			NetKeys: []cdb.NodeKey{{}}, AppKeys: []cdb.NodeKey{{}}, Elements: []cdb.Element{{}},
		}
		for _, id := range []uint16{0x0000, 0x0002, 0x1000, 0x1001, 0x1002, 0x1004, 0x1006, 0x1300, 0x1301} {
			n.Elements[0].Models = append(n.Elements[0].Models, cdb.Model{
				ID: mesh.SIGModel(id), Bind: []mesh.KeyIndex{0}, Subscribe: []cdb.Destination{{Address: 0xC000}},
				Publish: &cdb.Publish{To: cdb.Destination{Address: 0xC000}, TTL: 255, Resolution: 100, Retransmit: cdb.Retransmit{Interval: 50}},
			})
		}
		if err := visit(n); err != nil {
			return err
		}
	}
	return nil
}

// measured is a store that keeps nothing, and measures the memory that is in use
// with each change.
type measured struct {
	store.Store
	peak    uint64 // octets
	largest int    // octets of one change
	applied int
}

func (m *measured) Apply(changes ...store.Change) error {
	size := 0
	for _, c := range changes {
		size += len(c.Value)
	}
	m.largest = max(m.largest, size)
	m.applied++
	m.measure()
	return nil
}

func (m *measured) measure() {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	m.peak = max(m.peak, memory.HeapAlloc)
}

// TestLargeImport imports 20,001 nodes with little memory: it does not grow with
// what the file says about each node.
func TestLargeImport(t *testing.T) {
	const nodes = 20001
	m := &measured{Store: store.NewMemory()}
	m.measure()
	before := m.peak
	in, err := handover.ReadFrom(village(nodes), options())
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Store(m); err != nil {
		t.Fatal(err)
	}
	const most, mega = 48, 1 << 20
	used := float64(m.peak-before) / mega
	t.Logf("%d nodes: %.0f MB in use at most, %d transactions of at most %.1f MB", nodes, used, m.applied, float64(m.largest)/mega)
	if used > most {
		t.Errorf("%.0f MB in use, expected at most %d", used, most)
	}
	if m.largest > 4*mega || len(in.Records) != nodes {
		t.Errorf("%d records, %d octets at once", len(in.Records), m.largest)
	}
}

// BenchmarkLargeImport imports a file of 20,001 nodes into a store on disk, and
// exports it.
func BenchmarkLargeImport(b *testing.B) {
	const nodes, mega = 20001, 1 << 20
	dir := b.TempDir()
	path := filepath.Join(dir, "village.json")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	buffered := bufio.NewWriter(f)
	w, err := cdb.NewWriter(buffered, village(nodes).Head())
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(village(nodes).Nodes(w.Add), w.Close(), buffered.Flush()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	for i := 0; b.Loop(); i++ {
		s, err := disk.Open(filepath.Join(dir, fmt.Sprint(i)), disk.Options{})
		if err != nil {
			b.Fatal(err)
		}
		m := &sampled{Store: s}
		d, err := cdb.Open(f)
		if err != nil {
			b.Fatal(err)
		}
		in, err := handover.ReadFrom(d, options())
		if err != nil {
			b.Fatal(err)
		}
		if err := in.Store(m); err != nil {
			b.Fatal(err)
		}
		saved, err := node.Load(s)
		if err != nil {
			b.Fatal(err)
		}
		if err := handover.Export(m, m, handover.Network{Name: "v", Node: saved.Node, Peers: saved.Peers, Now: options().Now}); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(m.peak)/mega, "peak-heap-MB")
	}
}

// sampled is a store, and a file, that samples the heap when it is used.
type sampled struct {
	store.Store
	peak uint64
	n    int
}

func (s *sampled) sample() {
	const every = 100
	if s.n++; s.n%every == 0 {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		s.peak = max(s.peak, memory.HeapInuse)
	}
}

func (s *sampled) Apply(changes ...store.Change) error {
	err := s.Store.Apply(changes...)
	s.n = 99
	s.sample()
	return err
}

func (s *sampled) Get(t store.Table, key string) ([]byte, error) {
	s.sample()
	return s.Store.Get(t, key)
}

func (s *sampled) Write(p []byte) (int, error) { return len(p), nil }
