package disk

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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
	_, err = Open(filepath.Dir(path), Options{})
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	for _, word := range []string{path, "3 values", `t/"key7"`, `t/"key8"`, `t/"key9"`} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not contain %q", err, word)
		}
	}
	// A repair drops them, and tells so.
	s := reopen(t, filepath.Dir(path), Options{Repair: true})
	all, err := s.All("t")
	if err != nil || len(all) != 47 {
		t.Errorf("after the repair: %d values, %v, want 47", len(all), err)
	}
	if got := s.Findings(); len(got) != 1 || !strings.Contains(got[0], `t/"key7"`) {
		t.Errorf("findings %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := reopen(t, filepath.Dir(path), Options{}); len(again.Findings()) > 0 {
		t.Errorf("after the repair: %q", again.Findings())
	}
}

// TestMissingKeys removes keys without the store: that is damage, which a repair
// accepts and tells.
func TestMissingKeys(t *testing.T) {
	path := filled(t)
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(tablesBucket)).Bucket([]byte("t")).Delete([]byte("key7"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Dir(path), Options{}); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "49 values, expected 50") {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	s := reopen(t, filepath.Dir(path), Options{Repair: true})
	if got := s.Findings(); len(got) != 1 || !strings.Contains(got[0], "49 values, expected 50") {
		t.Errorf("findings %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := reopen(t, filepath.Dir(path), Options{}); len(again.Findings()) > 0 {
		t.Errorf("after the repair: %q", again.Findings())
	}
}

// TestCreatedTwice is the second of two processes that found no database: it
// must not replace the first one's database by its empty one.
func TestCreatedTwice(t *testing.T) {
	path := filled(t)
	second := &tables{path: path, files: filesystem.OS()}
	if err := second.create(time.Second, [16]byte{1}); err != nil {
		t.Fatal(err)
	}
	all, err := reopen(t, filepath.Dir(path), Options{}).All("t")
	if err != nil || len(all) != 50 {
		t.Errorf("%d values left, %v", len(all), err)
	}
}
