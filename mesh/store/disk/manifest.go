package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

const (
	manifestSize    = 512 // of a slot
	manifestMagic   = "btmeshM\x00"
	manifestVersion = 1
	manifestHeader  = 8 + 2 + 8 // magic, version, serial
)

// manifest is the file with the newest summary of the database. It has two
// slots, written in turn, so that an interrupted write leaves the one before.
type manifest struct {
	path   string
	files  filesystem.System
	file   filesystem.File // nil if it must be opened, or made
	serial uint64          // of the newest slot
}

// errFutureManifest is the error for a manifest of a newer program.
var errFutureManifest = errors.New("written by a newer version; use that version, or restore a backup")

// readManifest reads the manifest at path. It returns nil for the summary if
// there is none that can be read, and how many slots of the file are damaged;
// missing says that there is no file.
func readManifest(path string, files filesystem.System) (newest *summary, serial uint64, damaged int, missing bool, err error) {
	f, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, 0, true, nil
	}
	if err != nil {
		return nil, 0, 0, false, err
	}
	data, err := io.ReadAll(io.LimitReader(f, 2*manifestSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, 0, 0, false, err
	}
	if len(data) > 2*manifestSize {
		damaged++ // something was added
	}
	for slot := range 2 {
		s, number, err := decodeManifest(data[min(slot*manifestSize, len(data)):min((slot+1)*manifestSize, len(data))], slot)
		if err != nil {
			return nil, 0, 0, false, err
		}
		if s == nil {
			damaged++
			continue
		}
		if newest == nil || number > serial {
			newest, serial = s, number
		}
	}
	return newest, serial, damaged, false, nil
}

// decodeManifest decodes a slot; nil if it is damaged.
func decodeManifest(b []byte, slot int) (*summary, uint64, error) {
	if len(b) != manifestSize || string(b[:8]) != manifestMagic ||
		binary.BigEndian.Uint32(b[manifestSize-4:]) != crc32.Checksum(b[:manifestSize-4], castagnoli()) {
		return nil, 0, nil
	}
	if v := binary.BigEndian.Uint16(b[8:]); v != manifestVersion {
		return nil, 0, fmt.Errorf("format %d, expected %d: %w", v, manifestVersion, errFutureManifest)
	}
	serial := binary.BigEndian.Uint64(b[10:])
	if serial%2 != uint64(slot) {
		return nil, 0, nil
	}
	s, _, ok := decodeSummary(b[manifestHeader : manifestSize-4])
	if !ok {
		return nil, 0, nil
	}
	return &s, serial, nil
}

// encodeManifest encodes a slot.
func encodeManifest(s *summary, serial uint64) ([]byte, error) {
	b := append(make([]byte, 0, manifestSize), manifestMagic...)
	b = binary.BigEndian.AppendUint16(b, manifestVersion)
	b = binary.BigEndian.AppendUint64(b, serial)
	b = s.append(b)
	if len(b) > manifestSize-4 {
		return nil, fmt.Errorf("the values kept outside the database have too many octets: the manifest would have %d, expected at most %d: %w",
			len(b), manifestSize-4, store.ErrInvalid)
	}
	b = append(b, make([]byte, manifestSize-4-len(b))...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli())), nil
}

// write makes s the newest summary, durably. After an error it can be called
// again: it writes to the same slot, so that the other one stays valid.
func (m *manifest) write(s *summary) error {
	if m.file == nil {
		return m.create(s)
	}
	b, err := encodeManifest(s, m.serial+1)
	if err != nil {
		return m.failed("write", err)
	}
	if _, err := m.file.WriteAt(b, int64((m.serial+1)%2)*manifestSize); err != nil {
		return m.failed("write", err)
	}
	if err := m.file.Sync(); err != nil {
		return m.failed("sync", err)
	}
	m.serial++
	return nil
}

// create replaces the file by one whose two slots hold s.
func (m *manifest) create(s *summary) error {
	serial := m.serial + 2
	var b []byte
	for i := range uint64(2) {
		slot, err := encodeManifest(s, serial-serial%2+i)
		if err != nil {
			return m.failed("write", err)
		}
		b = append(b, slot...)
	}
	f, err := m.files.Create(m.path + newSuffix)
	if err != nil {
		return m.failed("create", err)
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	// Windows cannot rename an open file.
	if err := errors.Join(err, f.Close()); err != nil {
		return m.failed("write", errors.Join(err, m.discard()))
	}
	if err := m.files.Rename(m.path+newSuffix, m.path); err != nil {
		return m.failed("rename", errors.Join(err, m.discard()))
	}
	if err := m.files.SyncDir(filepath.Dir(m.path)); err != nil {
		return m.failed("sync the directory of", err)
	}
	if m.file, err = m.files.Open(m.path); err != nil {
		m.file = nil
		return m.failed("open", err)
	}
	m.serial = serial - serial%2 + 1
	return nil
}

func (m *manifest) discard() error { return m.files.Remove(m.path + newSuffix) }

func (m *manifest) close() error {
	if m.file == nil {
		return nil
	}
	err := m.file.Close()
	m.file = nil
	if err != nil {
		return m.failed("close", err)
	}
	return nil
}

func (m *manifest) failed(what string, err error) error {
	return fmt.Errorf("mesh/store/disk: cannot %s the manifest %s: %w", what, m.path, err)
}
