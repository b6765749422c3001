package disk

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// filled makes a store with values that contain their keys.
func filled(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	s := reopen(t, dir, Options{})
	var changes []store.Change
	for i := range 50 {
		key := fmt.Sprint("key", i)
		changes = append(changes, store.Change{Table: "t", Key: key, Value: bytes.Repeat([]byte(key), 40)})
	}
	if err := errors.Join(s.Apply(changes...), s.Close()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, tablesName)
}

// TestDamagedValue changes one value without the store.
func TestDamagedValue(t *testing.T) {
	path := filled(t)
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(tablesBucket)).Bucket([]byte("t"))
		stored := bytes.Clone(b.Get([]byte("key7")))
		stored[len(stored)-1] ^= 1
		return errors.Join(
			b.Put([]byte("key7"), stored),
			b.Put([]byte("key8"), []byte{1, 2, 3}),                     // too short for a checksum
			b.Put([]byte("key9"), bytes.Clone(b.Get([]byte("key10")))), // another key's value
		)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, filepath.Dir(path), Options{})
	for _, key := range []string{"key7", "key8", "key9"} {
		if v, err := s.Get("t", key); !errors.Is(err, store.ErrDamaged) || v != nil {
			t.Errorf("Get(%s) = %q, %v, want ErrDamaged", key, v, err)
		}
	}
	all, err := s.All("t")
	if !errors.Is(err, store.ErrDamaged) || len(all) != 47 {
		t.Errorf("All returned %d values and %v, want 47 and ErrDamaged", len(all), err)
	}
	// A new value repairs the key.
	if err := s.Apply(store.Change{Table: "t", Key: "key7", Value: []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get("t", "key7"); err != nil || string(v) != "new" {
		t.Errorf("Get = %q, %v", v, err)
	}
}

// TestCreatedTwice is the second of two processes that found no database: it
// must not replace the first one's database by its empty one.
func TestCreatedTwice(t *testing.T) {
	path := filled(t)
	if err := create(path, filesystem.OS(), time.Second); err != nil {
		t.Fatal(err)
	}
	all, err := reopen(t, filepath.Dir(path), Options{}).All("t")
	if err != nil || len(all) != 50 {
		t.Errorf("%d values left, %v", len(all), err)
	}
}

// TestDamagedDatabase flips octets anywhere in the file, and cuts it anywhere:
// the result is an error or the stored values, and never anything else.
func TestDamagedDatabase(t *testing.T) {
	path := filled(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		r := rand.New(rand.NewPCG(9, uint64(round)))
		b := bytes.Clone(whole)
		for range 1 + r.IntN(8) {
			b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
		}
		if round%3 == 0 {
			b = b[:r.IntN(len(b))]
		}
		// A panic while opening leaves bbolt's lock on the file, so each round
		// needs a new directory.
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tablesName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			continue
		}
		all, _ := s.All("t")
		for key, value := range all {
			if !bytes.Equal(value, bytes.Repeat([]byte(key), 40)) {
				t.Errorf("round %d: %q holds %q", round, key, value)
			}
		}
		_ = s.Apply(store.Change{Table: "t", Key: "key7", Value: []byte("new")})
		_ = s.Close()
	}
}
