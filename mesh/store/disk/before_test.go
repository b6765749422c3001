package disk

import (
	"bytes"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// before makes a store as the older version wrote it: a database without a
// summary, and one journal.
func before(t *testing.T) map[string][]byte {
	t.Helper()
	full := store.NewMemory()
	network(t, full)
	path := filepath.Join(t.TempDir(), tablesName)
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := read(full)
	if err != nil {
		t.Fatal(err)
	}
	put := func(table store.Table, key string, value []byte) {
		err := db.Update(func(tx *bolt.Tx) error {
			format, err := tx.CreateBucketIfNotExists([]byte(formatBucket))
			if err != nil {
				return err
			}
			root, err := tx.CreateBucketIfNotExists([]byte(tablesBucket))
			if err != nil {
				return err
			}
			b, err := root.CreateBucketIfNotExists([]byte(table))
			if err != nil {
				return err
			}
			return errors.Join(format.Put([]byte(formatKey), []byte(formatBefore)), b.Put([]byte(key), seal(table, key, value)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for table, values := range content.tables {
		for key, value := range values {
			put(table, key, value)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var records []record
	for _, e := range content.replay {
		records = append(records, record{kind: kindEntry, entry: e})
	}
	return map[string][]byte{tablesName: data, journalName: encodeBefore(records...)}
}

// TestStoreBefore opens a store of the older version, and damaged ones: without
// its journal it is refused, and no damage makes a new network.
func TestStoreBefore(t *testing.T) {
	files := before(t)
	p := &sampleStore{files: files, dir: filepath.Join(memoryDir(t), "store")}
	open := func(name string, content []byte) (everything, []string, error) {
		v := p.open(t, name, content)
		if v.refused > 0 {
			return everything{}, nil, store.ErrDamaged
		}
		if v.renewed > 0 {
			t.Errorf("%s: a new network", name)
		}
		s := reopen(t, p.dir, Options{Keep: reserves()}) // in the new form now
		defer func() { _ = s.Close() }()
		got, err := read(s)
		return got, s.Findings(), err
	}
	whole, findings, err := open("", nil)
	if err != nil || len(findings) > 0 || len(whole.tables) != 5 || len(whole.replay) != 5 {
		t.Fatalf("%v, %q, %v", whole, findings, err)
	}
	for name, content := range map[string][]byte{"missing": nil, "empty": {}} {
		if _, _, err := open(journalName, content); err == nil {
			t.Errorf("a store with a journal that is %s was accepted", name)
		}
	}
	step := 487
	if campaign() {
		step = 1
	}
	for at := 0; at < len(files[tablesName]); at += step {
		changed := bytes.Clone(files[tablesName])
		changed[at] ^= 1 << (at % 8)
		if v := p.open(t, tablesName, changed); v.renewed > 0 {
			t.Errorf("octet %d: a new network", at)
		}
	}
}

// TestSoundDatabase makes many transactions of all sizes: what bbolt writes must
// never be taken for damage.
func TestSoundDatabase(t *testing.T) {
	rounds := 10
	if campaign() {
		rounds = 400
	}
	r := mathrand.New(mathrand.NewPCG(1, 9))
	dir := filepath.Join(memoryDir(t), "store")
	want := everything{tables: map[store.Table]map[string][]byte{}}
	for round := range rounds {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if len(s.Findings()) > 0 {
			t.Fatalf("round %d: %q", round, s.Findings())
		}
		for range 10 {
			var changes []store.Change
			for range r.IntN(40) {
				c := store.Change{Table: store.Table(fmt.Sprint("table", r.IntN(6))), Key: strings.Repeat(fmt.Sprint("key", r.IntN(120)), 1+r.IntN(2)*30)}
				if want.tables[c.Table] == nil {
					want.tables[c.Table] = map[string][]byte{}
				}
				if r.IntN(5) < 3 {
					c.Value = bytes.Repeat([]byte{byte(round)}, []int{0, 30, 300, 5000, 30_000}[r.IntN(5)])
					want.tables[c.Table][c.Key] = c.Value
				} else {
					delete(want.tables[c.Table], c.Key)
				}
				changes = append(changes, c)
			}
			if err := s.Apply(changes...); err != nil {
				t.Fatal(err)
			}
		}
		got, err := read(s)
		if err != nil {
			t.Fatal(err)
		}
		for table, values := range want.tables {
			if len(values) != len(got.tables[table]) {
				t.Fatalf("round %d: %s has %d values, want %d", round, table, len(got.tables[table]), len(values))
			}
			for key, value := range values {
				if !bytes.Equal(got.tables[table][key], value) {
					t.Fatalf("round %d: %s/%q differs", round, table, key)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
