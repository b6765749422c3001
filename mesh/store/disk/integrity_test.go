package disk

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// campaignVariable is the environment variable that makes the tests of damage
// complete: every octet and every length instead of a sample, and 10,000 power
// cuts.
const campaignVariable = "MESH_STORE_CAMPAIGN"

func campaign() bool { return os.Getenv(campaignVariable) != "" }

// reserves are the values outside of the database, as the program has them.
func reserves() (keys []Key) {
	for _, key := range node.Reserves() {
		keys = append(keys, Key{Table: node.TableNode, Key: key})
	}
	return keys
}

// network fills a store with a bridge and five devices, as the program does, in
// several transactions.
func network(t *testing.T, s store.Store) {
	t.Helper()
	saved, err := node.NewNetwork(1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := saved.Changes()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		p := state.Peer{UUID: mesh.UUID{15: byte(i + 1)}, Address: mesh.Address(0x10 + 4*i), Elements: 2, DeviceKey: crypto.Key{byte(i)}}
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("lamp %d", i)
		if err := s.Apply(
			store.Change{Table: node.TablePeers, Key: p.UUID.String(), Value: data},
			store.Change{Table: "devices", Key: p.UUID.String(), Value: bytes.Repeat([]byte(name), 200)},
			store.Change{Table: "states", Key: p.UUID.String(), Value: []byte(`{"state":"ON","brightness":128}`)},
			store.Change{Table: "ledger", Key: "topics of " + name, Value: bytes.Repeat([]byte("topic "), 100)},
		); err != nil {
			t.Fatal(err)
		}
		for seq := range mesh.SequenceNumber(8) {
			if err := s.AppendReplay([]store.ReplayEntry{{Src: p.Address, IVIndex: 1, Seq: seq}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

// everything is the whole content of a store.
type everything struct {
	tables map[store.Table]map[string][]byte
	replay []store.ReplayEntry
}

func read(s store.Store) (everything, error) {
	e := everything{tables: map[store.Table]map[string][]byte{}}
	tables, err := s.Tables()
	if err != nil {
		return e, err
	}
	for _, table := range tables {
		if e.tables[table], err = s.All(table); err != nil {
			return e, err
		}
		for key, value := range e.tables[table] {
			if one, err := s.Get(table, key); err != nil || !bytes.Equal(one, value) {
				return e, fmt.Errorf("%s/%q is %q with All and %q, %w with Get", table, key, value, one, err)
			}
		}
	}
	return e, s.Replay(func(r store.ReplayEntry) { e.replay = append(e.replay, r) })
}

// memoryDir is a directory that is not on a disk, if there is one.
func memoryDir(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "linux" {
		dir, err := os.MkdirTemp("/dev/shm", "mesh-store-test") //nolint:usetesting // t.TempDir is on a disk
		if err == nil {
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

// verdict is what became of a damaged store.
type verdict struct {
	refused, reported, harmless int // harmless: an octet that nothing uses
	silent, renewed             int // both must be none
}

func (v *verdict) add(o verdict) {
	v.refused += o.refused
	v.reported += o.reported
	v.harmless += o.harmless
	v.silent += o.silent
	v.renewed += o.renewed
}

// sampleStore is the undamaged store.
type sampleStore struct {
	files map[string][]byte
	whole everything
	dir   string // for damaged copies
	// manifest and sum are those of the undamaged store.
	manifest *summary
	sum      summary
}

func newSampleStore(t *testing.T) *sampleStore {
	t.Helper()
	p := &sampleStore{files: map[string][]byte{}, dir: filepath.Join(memoryDir(t), "store")}
	dir := filepath.Join(memoryDir(t), "store")
	opts := Options{Keep: reserves()}
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	network(t, s)
	if p.whole, err = read(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if p.files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	manifest, _, err := decodeManifest(p.files[manifestName][:manifestSize], 0)
	if err != nil {
		t.Fatal(err)
	}
	if other, _, _ := decodeManifest(p.files[manifestName][manifestSize:], 1); other.generation > manifest.generation {
		manifest = other
	}
	p.manifest = manifest
	if p.sum, _, err = (&tables{}).verify(p.files[tablesName], manifest, true); err != nil {
		t.Fatal(err)
	}
	return p
}

// open opens a copy of the store in which one file is another one; nil is
// without it.
func (p *sampleStore) open(t *testing.T, name string, content []byte) (v verdict) {
	t.Helper()
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for other, data := range p.files {
		if other == name {
			data = content
		}
		if data == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(p.dir, other), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(p.dir, Options{Keep: reserves()})
	if err != nil {
		if !strings.Contains(err.Error(), p.dir) || !errors.Is(err, store.ErrDamaged) && !errors.Is(err, errFuture) && !errors.Is(err, errFutureManifest) &&
			!strings.Contains(err.Error(), "expected format") {
			t.Errorf("%s: the error %v names no file, or is no damage", name, err)
		}
		v.refused++
		return v
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	got, err := read(s)
	saved, loadErr := node.Load(s)
	switch {
	case loadErr == nil && saved.Node == nil:
		v.renewed++
	case err != nil || loadErr != nil || !reflect.DeepEqual(got, p.whole):
		v.silent++
	case len(s.Findings()) > 0:
		v.reported++
	default:
		v.harmless++
	}
	return v
}

// verify is open for the database, without opening it.
func (p *sampleStore) verify(data []byte) (v verdict) {
	sum, o, err := (&tables{}).verify(data, p.manifest, true)
	switch {
	case err != nil:
		v.refused++
	case o.fresh || o.empty:
		v.renewed++
	case sum.generation != p.sum.generation || !sum.sameContents(&p.sum) || o.repair != (len(o.findings) > 0):
		v.silent++
	case len(o.findings) > 0:
		v.reported++
	default:
		v.harmless++
	}
	return v
}

// TestEveryOctet changes every octet of every file of a store with five devices,
// and cuts every file at every length. The store refuses, or reports it and has
// everything, or has everything because nothing uses the octet. No damage is
// silent and none makes a new network. Without the campaign it takes a sample.
func TestEveryOctet(t *testing.T) {
	p := newSampleStore(t)
	if v := p.open(t, "", nil); v != (verdict{harmless: 1}) {
		t.Fatalf("undamaged: %+v", v)
	}
	var total verdict
	for name, data := range p.files {
		step := 1
		if !campaign() {
			step = max(len(data)/400|1, 1)
		}
		var flips, cuts verdict
		for at := 0; at < len(data); at += step {
			for _, mask := range []byte{0x01, 0x80, 0xFF} {
				if mask != byte(1)<<(at%8) && mask != 0xFF {
					continue
				}
				changed := bytes.Clone(data)
				changed[at] ^= mask
				if name != tablesName {
					flips.add(p.open(t, name, changed))
					continue
				}
				v := p.verify(changed)
				if v.harmless > 0 && at%53 == 0 { // bbolt must agree
					v = p.open(t, name, changed)
				}
				flips.add(v)
			}
		}
		for length := 0; length < len(data); length += step {
			if name == tablesName && length%4096 != 0 && length%977 != 0 {
				cuts.add(p.verify(data[:length]))
			} else {
				cuts.add(p.open(t, name, data[:length]))
			}
		}
		gone := p.open(t, name, nil)
		t.Logf("%-14s %6d octets: changed %+v", name, len(data), flips)
		t.Logf("%-14s                cut     %+v", name, cuts)
		t.Logf("%-14s                gone    %+v", name, gone)
		if name == tablesName && gone.refused != 1 {
			t.Errorf("%s: a missing database was accepted", name)
		}
		for _, v := range []verdict{flips, cuts, gone} {
			total.add(v)
		}
	}
	t.Logf("all files: %+v", total)
	if total.silent > 0 || total.renewed > 0 {
		t.Errorf("%d damages were silent, %d made a new network", total.silent, total.renewed)
	}
}
