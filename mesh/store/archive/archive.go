// Package archive stores a whole store in one file, as a backup: lines of JSON,
// so that it can be inspected, with a checksum at the end, so that a truncated
// file is detected.
//
//	{"format":"btmesh2mqtt backup","version":1,"time":"2026-01-31T12:00:00Z"}
//	{"table":"node","key":"state","value":"eyJW..."}     base64, including keys
//	{"src":"0x0005","iv_index":0,"seq":4711}             replay protection list
//	{"end":true,"sha256":"9f86d0..."}                    of all lines before
//	{"restored":true,"time":"...","seq":270000,"sha256":"..."}
//
// A line at the end tells of each restore, and the first sequence number that
// the restored bridge used: the next restore must begin behind those.
//
// A backup is outdated at once, because the node continues to use sequence
// numbers. After a restore they must be skipped: node.JumpSequence.
package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

const (
	format  = "btmesh2mqtt backup"
	version = 1
)

// maxLine limits the length of a line that is read: the largest value in
// base64, and its key.
const maxLine = store.MaxValueSize*4/3 + 16*store.MaxKeySize

// Errors of Read.
var (
	// ErrFormat says that the file is not a backup, or was written by a newer
	// program.
	ErrFormat = errors.New("archive: this is not a backup of btmesh2mqtt that this version can read")
	// ErrDamaged says that the file was truncated or changed.
	ErrDamaged = errors.New("archive: the backup is damaged")
	// ErrNotEmpty says that the store already contains data.
	ErrNotEmpty = errors.New("archive: the store is not empty; restore into another directory, or move this one away")
)

// line is any line of the file.
type line struct {
	Format  string     `json:"format,omitempty"`
	Version int        `json:"version,omitempty"`
	Time    *time.Time `json:"time,omitempty"`

	Table store.Table `json:"table,omitempty"`
	Key   string      `json:"key,omitempty"`
	Value []byte      `json:"value,omitempty"`

	Src     mesh.Address        `json:"src,omitzero"`
	IVIndex mesh.IVIndex        `json:"iv_index,omitempty"`
	Seq     mesh.SequenceNumber `json:"seq,omitempty"`

	End      bool   `json:"end,omitempty"`
	Restored bool   `json:"restored,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
}

// Write writes everything in a store. The store may be in use: changes made
// meanwhile may be in the backup or not.
func Write(w io.Writer, s store.Store, now time.Time) error {
	sum := sha256.New()
	out := bufio.NewWriter(w)
	put := func(l line) error {
		data, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		data = append(data, '\n')
		if !l.End {
			sum.Write(data)
		}
		if _, err = out.Write(data); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		return nil
	}
	now = now.UTC().Truncate(time.Second)
	if err := put(line{Format: format, Version: version, Time: &now}); err != nil {
		return err
	}
	if err := putTables(s, put); err != nil {
		return err
	}
	var failed error
	if err := s.Replay(func(e store.ReplayEntry) {
		if failed == nil {
			failed = put(line{Src: e.Src, IVIndex: e.IVIndex, Seq: e.Seq})
		}
	}); err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	if err := put(line{End: true, SHA256: hex.EncodeToString(sum.Sum(nil))}); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func putTables(s store.Store, put func(line) error) error {
	tables, err := s.Tables()
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	for _, t := range tables {
		all, err := s.All(t)
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if err := put(line{Table: t, Key: key, Value: all[key]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Origin tells where a restored store comes from.
type Origin struct {
	Made     time.Time // when the backup was made
	Restores int       // how often it was restored before
	// Last is the newest restore; both are zero if there was none.
	Last struct {
		Time time.Time
		Seq  mesh.SequenceNumber // the first that the restored bridge used
	}
	sum hash.Hash // of all lines
}

// Read restores a backup to an empty store, and returns when it was made.
// Nothing is stored from an incomplete file.
func Read(r io.Reader, s store.Store) (time.Time, error) {
	o, err := Restore(r, s)
	return o.Made, err
}

// Mark is the line that records a restore at the end of the backup. It must be
// there, synced, before the restored store is used.
func (o *Origin) Mark(now time.Time, first mesh.SequenceNumber) ([]byte, error) {
	now = now.UTC().Truncate(time.Second)
	l := line{Restored: true, Time: &now, Seq: first}
	sum, err := markSum(o.sum, &l)
	if err != nil {
		return nil, err
	}
	l.SHA256 = sum
	data, err := json.Marshal(&l)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return append(data, '\n'), nil
}

// markSum is the checksum of a line that records a restore: of all lines before
// it, and of itself without the checksum. It adds the line to the sum.
func markSum(sum hash.Hash, l *line) (string, error) {
	plain := *l
	plain.SHA256 = ""
	data, err := json.Marshal(&plain)
	if err != nil {
		return "", fmt.Errorf("archive: %w", err)
	}
	sum.Write(append(data, '\n'))
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Restore is Read, and tells of earlier restores.
func Restore(r io.Reader, s store.Store) (Origin, error) {
	if tables, err := s.Tables(); err != nil || len(tables) > 0 {
		return Origin{}, errors.Join(err, ErrNotEmpty)
	}
	var o Origin
	var changes []store.Change
	var replay []store.ReplayEntry
	err := o.lines(r, func(n int, l *line) error {
		switch {
		case n == 1:
			if l.Format != format || l.Version != version || l.Time == nil {
				return fmt.Errorf("%w: it begins with format %.40q, version %d", ErrFormat, l.Format, l.Version)
			}
			o.Made = *l.Time
		case l.Table != "":
			if l.Value == nil {
				l.Value = []byte{}
			}
			changes = append(changes, store.Change{Table: l.Table, Key: l.Key, Value: l.Value})
		default:
			replay = append(replay, store.ReplayEntry{Src: l.Src, IVIndex: l.IVIndex, Seq: l.Seq})
		}
		return nil
	})
	if err != nil {
		return Origin{}, err
	}
	if err := errors.Join(store.CheckChanges(changes), store.CheckReplay(replay)); err != nil {
		return Origin{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	// The replay list first: without it the node would act on old messages.
	// Without its tables it has no identity.
	if err := s.AppendReplay(replay); err != nil {
		return Origin{}, err
	}
	if err := s.Sync(); err != nil {
		return Origin{}, err
	}
	return o, s.Apply(changes...)
}

// lines reads a file to its end and checks that it is complete.
func (o *Origin) lines(r io.Reader, visit func(n int, l *line) error) error {
	sum := sha256.New()
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	n := 0
	for in.Scan() {
		n++
		var l line
		decoder := json.NewDecoder(bytes.NewReader(in.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&l); err != nil {
			if n == 1 {
				return fmt.Errorf("%w: expected JSON in the first line", ErrFormat)
			}
			return fmt.Errorf("%w: line %d: %w", ErrDamaged, n, err)
		}
		if l.End {
			if l.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
				return fmt.Errorf("%w: the checksum of its %d lines is wrong", ErrDamaged, n)
			}
			sum.Write(in.Bytes())
			sum.Write([]byte{'\n'})
			o.sum = sum
			return o.restores(in)
		}
		sum.Write(in.Bytes())
		sum.Write([]byte{'\n'})
		if err := visit(n, &l); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%w: after line %d: %w", ErrDamaged, n, err)
	}
	if n == 0 {
		return fmt.Errorf("%w: it is empty", ErrFormat)
	}
	return fmt.Errorf("%w: it ends early, after line %d", ErrDamaged, n)
}

// restores reads what follows the end of a backup.
func (o *Origin) restores(in *bufio.Scanner) error {
	for in.Scan() {
		var l line
		decoder := json.NewDecoder(bytes.NewReader(in.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&l); err != nil || !l.Restored || l.Time == nil || l.Seq > mesh.MaxSequenceNumber {
			return fmt.Errorf("%w: after its end, restore %d is not recorded correctly; if the power was cut during that restore, it did not happen: remove the line",
				ErrDamaged, o.Restores+1)
		}
		want, err := markSum(o.sum, &l)
		if err != nil {
			return err
		}
		if l.SHA256 != want {
			return fmt.Errorf("%w: the checksum of restore %d is wrong", ErrDamaged, o.Restores+1)
		}
		o.Restores++
		o.Last.Time, o.Last.Seq = *l.Time, max(o.Last.Seq, l.Seq)
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%w: after its end: %w", ErrDamaged, err)
	}
	return nil
}
