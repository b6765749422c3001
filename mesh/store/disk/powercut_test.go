package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
	"unsafe"

	bolt "go.etcd.io/bbolt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/faultfs"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// cutDatabase is the disk below the database: what of its file is synced, and
// what is only written.
type cutDatabase struct {
	count   func() error // before each write and sync; an error is the end of the power
	file    []byte       // as the process sees it
	synced  []byte
	pending []cutWrite
}

type cutWrite struct {
	off  int64
	data []byte
}

// attach takes over bbolt's writes. Its hook for tests is not exported. bbolt
// syncs its pages before it writes a header, and the header after it.
func (d *cutDatabase) attach(t *testing.T, db *bolt.DB) {
	t.Helper()
	hook := reflect.ValueOf(db).Elem().FieldByName("ops").FieldByName("writeAt")
	if !hook.IsValid() {
		t.Fatal("this version of bbolt has no ops.writeAt: look for another way to see its writes")
	}
	at := (*func(b []byte, off int64) (int, error))(unsafe.Pointer(hook.UnsafeAddr()))
	write := *at
	pageSize := int64(db.Info().PageSize)
	*at = func(b []byte, off int64) (int, error) {
		header := off < 2*pageSize
		if header {
			if err := d.sync(); err != nil {
				return 0, err
			}
		}
		if err := d.count(); err != nil {
			return 0, err
		}
		d.pending = append(d.pending, cutWrite{off, bytes.Clone(b)})
		d.file = overwrite(d.file, off, b)
		n, err := write(b, off)
		if err == nil && header {
			err = d.sync()
		}
		return n, err
	}
}

func (d *cutDatabase) sync() error {
	if err := d.count(); err != nil {
		return err
	}
	d.synced, d.pending = bytes.Clone(d.file), nil
	return nil
}

// cut is the file after a power cut: each write since the last sync is there, or
// not, or in part.
func (d *cutDatabase) cut(r *rand.Rand) []byte {
	data := bytes.Clone(d.synced)
	for _, w := range d.pending {
		switch r.IntN(3) {
		case 0:
			data = overwrite(data, w.off, w.data)
		case 1:
			data = overwrite(data, w.off, w.data[:r.IntN(len(w.data)/16+1)*16])
		}
	}
	// The file was enlarged, and that synced, before anything was written.
	return overwrite(data, int64(len(d.file)), nil)
}

func overwrite(b []byte, off int64, data []byte) []byte {
	if grow := off + int64(len(data)) - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[off:], data)
	return b
}

var errNoPower = errors.New("no power")

// cutWorld is a bridge with a store that loses its power, and a lamp that does
// not. Everything that was on the air is on a tape.
type cutWorld struct {
	t    *testing.T
	r    *rand.Rand
	now  time.Time
	dir  string
	base map[string][]byte // the store before the first power cut

	files *faultfs.Memory
	db    cutDatabase
	left  int // writes and syncs until the power is cut

	lamp  *node.Core
	audit *sim.Audit
	tape  []bearer.Incoming // of the lamp
	acted map[uint16]bool   // messages that the bridge acted on
	safe  map[uint16]bool   // of those, before the last sync that completed
	next  uint16
	again int // replays acted on that were accepted after the last sync
}

// count is called before each write and sync of any file.
func (w *cutWorld) count() error {
	if w.left <= 0 {
		return errNoPower
	}
	w.left--
	return nil
}

func cutElements() []access.Element { return []access.Element{{}} }

func (w *cutWorld) core(number int, saved node.Saved, seed uint64) *node.Core {
	c, err := node.New(w.now, node.Options{Elements: cutElements(), Random: sim.Random(seed, number), Monitor: true}, saved)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// prepare makes the store of the bridge, once.
func (w *cutWorld) prepare() {
	dir := filepath.Join(w.dir, "base")
	s, err := Open(dir, Options{Keep: reserves()})
	if err != nil {
		w.t.Fatal(err)
	}
	saved := sim.Configured(0, 5, cutElements())
	changes, err := saved.Changes()
	if err := errors.Join(err, s.Apply(changes...), s.Close()); err != nil {
		w.t.Fatal(err)
	}
	w.base = map[string][]byte{}
	for _, name := range []string{tablesName, manifestName, journalName, copyName} {
		if w.base[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *cutWorld) path(name string) string { return filepath.Join(w.dir, name) }

// begin starts another history.
func (w *cutWorld) begin(seed uint64) {
	w.r = rand.New(rand.NewPCG(seed, 3))
	w.files = faultfs.NewMemory()
	for _, name := range []string{manifestName, journalName, copyName} {
		w.files.Put(w.path(name), w.base[name])
	}
	w.db = cutDatabase{count: w.count, file: bytes.Clone(w.base[tablesName]), synced: bytes.Clone(w.base[tablesName])}
	w.lamp = w.core(1, sim.Configured(1, 5, cutElements()), seed)
	w.audit = sim.NewAudit()
	w.tape, w.acted, w.safe, w.next = nil, map[uint16]bool{}, map[uint16]bool{}, 0
}

// boot opens the store after the power is back.
func (w *cutWorld) boot() (*Store, *node.Core, error) {
	w.db.synced, w.db.pending = bytes.Clone(w.db.file), nil
	if err := os.WriteFile(w.path(tablesName), w.db.file, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.files.Fail(true, func(c faultfs.Call) error {
		if c.Op.Writes() {
			return w.count()
		}
		return nil
	})
	s, err := Open(w.dir, Options{
		Files: w.files, Keep: reserves(), SyncEvery: time.Hour, compactSlots: 40,
		opened: func(db *bolt.DB) { w.db.attach(w.t, db) },
	})
	if err != nil {
		return nil, nil, err
	}
	saved, err := node.Load(s)
	if err == nil && saved.Node == nil {
		err = errors.New("the network is gone")
	}
	if err != nil {
		return s, nil, err
	}
	return s, w.core(0, saved, w.r.Uint64()), nil
}

// message is a message to the other node with a number in it.
func (w *cutWorld) send(c *node.Core, to int) {
	w.next++
	w.now = w.now.Add(time.Second)
	payload := binary.BigEndian.AppendUint16([]byte{0xC1, 0xFF, 0xFF}, w.next)
	if _, err := c.Request(w.now, node.Request{Dst: sim.Address(to), TTL: mesh.DefaultTTL, Payload: payload}); err != nil {
		w.t.Fatal(err)
	}
}

// onAir gives what the lamp has sent to the tape, and returns it.
func (w *cutWorld) onAir(out *node.Output) []bearer.Incoming {
	var sent []bearer.Incoming
	for _, o := range out.Send {
		if o.Kind == bearer.Message {
			in := bearer.Incoming{Kind: o.Kind, Len: o.Len, Data: o.Data}
			w.audit.Read(in.PDU(), sim.Address(1))
			sent = append(sent, in)
		}
	}
	w.tape = append(w.tape, sent...)
	return sent
}

// carryOut does what the bridge wants done; it returns the messages that it acts
// on.
func (w *cutWorld) carryOut(s *Store, out *node.Output) (acts []uint16, err error) {
	if err := node.Keep(s, out); err != nil {
		return nil, err
	}
	for _, o := range out.Send {
		if o.Kind == bearer.Message {
			w.audit.Read(o.Data[:o.Len], sim.Address(0))
		}
	}
	for _, e := range out.Report {
		if m, ok := e.(node.MessageReceived); ok && m.Src == sim.Address(1) && len(m.Params) == 2 {
			acts = append(acts, binary.BigEndian.Uint16(m.Params))
		}
	}
	return acts, nil
}

// live runs the bridge until its power is cut, or for some steps.
func (w *cutWorld) live(s *Store, bridge *node.Core, steps int) error {
	step := func(run func()) error {
		run()
		acts, err := w.carryOut(s, bridge.Take())
		for _, id := range acts {
			if w.acted[id] {
				w.t.Errorf("message %d was acted on twice", id)
			}
			w.acted[id] = true
		}
		return err
	}
	for i := range steps {
		w.send(w.lamp, 0)
		for _, in := range w.onAir(w.lamp.Take()) {
			if err := step(func() { bridge.Receive(w.now, &in) }); err != nil {
				return err
			}
		}
		if i%2 == 0 {
			if err := step(func() { w.send(bridge, 1) }); err != nil {
				return err
			}
		}
		if i%3 == 2 {
			if err := s.Apply(store.Change{Table: "states", Key: "lamp", Value: bytes.Repeat([]byte{byte(i)}, 100+w.r.IntN(3000))}); err != nil {
				return err
			}
		}
		if i%4 == 3 {
			if err := s.Sync(); err != nil {
				return err
			}
			for id := range w.acted {
				w.safe[id] = true
			}
		}
	}
	return nil
}

// replay plays the whole tape to the bridge.
func (w *cutWorld) replay(s *Store, bridge *node.Core) {
	for i := range w.tape {
		bridge.Receive(w.now, &w.tape[i])
		acts, err := w.carryOut(s, bridge.Take())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, id := range acts {
			if w.safe[id] {
				w.t.Errorf("message %d was acted on again; it was synced", id)
			} else if w.acted[id] {
				w.again++
			}
			w.acted[id] = true
		}
	}
}

// powerCut cuts the power of a bridge after some writes and syncs, at any of
// them. It returns how many there were until then.
func (w *cutWorld) powerCut(after int) (used int, err error) {
	w.left = after
	s, bridge, err := w.boot()
	if err == nil {
		err = w.live(s, bridge, 24)
	}
	if err != nil && !errors.Is(err, errNoPower) {
		return 0, err
	}
	used = after - w.left
	if w.left > 0 {
		w.left = 0 // it did all of its work
	}
	after4 := w.files.CutPower(w.r)
	w.db.file = w.db.cut(w.r)
	if s != nil {
		_ = s.Close() // of a process that is dead
	}
	w.files = after4
	return used, nil
}

// TestPowerCuts cuts the power of a bridge at each write and each sync of its
// files. Writes since the last sync are kept, lost or torn, in any subset.
// Then everything that was ever on the air is replayed. The sequence numbers of
// the bridge are never used twice, and no message is acted on again that was
// accepted before the last sync that completed. The campaign makes 10,000 cuts.
func TestPowerCuts(t *testing.T) {
	cuts := 300
	if campaign() {
		cuts = 10_000
	}
	w := &cutWorld{t: t, dir: memoryDir(t), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.prepare()
	done, length, pdus := 0, 60, 0
	for seed := uint64(0); done < cuts && !t.Failed(); seed++ {
		w.begin(seed)
		for range 3 { // power cuts in one history
			used, err := w.powerCut(w.r.IntN(length + 1))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			length = max(length, used+20) // until it does not get that far
			length = min(length, 400)
			done++
			w.left = 1 << 30
			s, bridge, err := w.boot()
			if err != nil {
				t.Fatalf("seed %d: after the cut: %v", seed, err)
			}
			w.replay(s, bridge)
			if err := w.live(s, bridge, 3); err != nil {
				t.Fatalf("seed %d: after the cut: %v", seed, err)
			}
			w.replay(s, bridge)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for id := range w.acted {
				w.safe[id] = true
			}
		}
		pdus += len(w.tape)
		if err := w.audit.Err(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d power cuts, %d PDUs replayed: 0 sequence numbers used twice, 0 replays acted on of what was synced, %d of the last second's",
		done, pdus, w.again)
	if w.again == 0 && done >= 300 {
		t.Error("nothing of the last second was acted on again: the cuts do not lose what they should")
	}
}
