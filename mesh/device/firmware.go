package device

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
)

// MaxFirmware is the size in octets of the largest firmware that a virtual
// device accepts.
const MaxFirmware = 64 << 10

const maxVersion = 8

// Firmware is the firmware of a virtual device. Its metadata is the version,
// one to eight octets, and an image is valid if it begins with its version.
type Firmware struct {
	version []byte
	next    []byte
	written []byte // grows with what is received
}

func newFirmware() *Firmware { return &Firmware{version: []byte{version}} }

// models are the BLOB Transfer Server and the Firmware Update Server.
func (f *Firmware) models() []access.Model {
	transfer := blob.NewServer(blob.DefaultLimits(MaxFirmware))
	return []access.Model{transfer, firmware.NewUpdateServer(transfer, f)}
}

// Version returns the version that the device runs.
func (f *Firmware) Version() []byte { return f.version }

// Information implements firmware.Image.
func (f *Firmware) Information() firmware.Information {
	return firmware.Information{FirmwareID: firmware.ID{CompanyID: Company, Version: f.version}}
}

// Check implements firmware.Image.
func (f *Firmware) Check(metadata []byte) (firmware.Effect, firmware.Status) {
	if len(metadata) == 0 || len(metadata) > maxVersion {
		return firmware.CompositionUnchanged, firmware.MetadataCheckFailed
	}
	return firmware.CompositionUnchanged, firmware.Success
}

// Write implements firmware.Image.
func (f *Firmware) Write(offset uint32, part []byte) bool {
	end := int(offset) + len(part)
	if end > MaxFirmware {
		return false
	}
	if end > len(f.written) {
		f.written = slices.Grow(f.written, end-len(f.written))[:end]
	}
	copy(f.written[offset:], part)
	return true
}

// Verify implements firmware.Image.
func (f *Firmware) Verify(metadata []byte) bool {
	good := bytes.HasPrefix(f.written, metadata)
	f.written = nil
	if good {
		f.next = slices.Clone(metadata)
	}
	return good
}

// Apply implements firmware.Image.
func (f *Firmware) Apply(access.Context) { f.version, f.next = f.next, nil }

// Keep implements firmware.PersistentImage: the running version and the verified
// one, each preceded by its length.
func (f *Firmware) Keep() []byte {
	state := append([]byte{byte(len(f.version))}, f.version...)
	return append(append(state, byte(len(f.next))), f.next...)
}

// Restore implements firmware.PersistentImage.
func (f *Firmware) Restore(state []byte) error {
	version, rest, ok := sized(state)
	next, rest, also := sized(rest)
	if !ok || !also || len(rest) > 0 || len(version) == 0 {
		return fmt.Errorf("firmware: expected two versions of up to %d octets, got %x", maxVersion, state)
	}
	f.version, f.next = version, next
	return nil
}

// sized splits off data that is preceded by its length.
func sized(state []byte) (part, rest []byte, ok bool) {
	if len(state) == 0 || state[0] > maxVersion || len(state)-1 < int(state[0]) {
		return nil, nil, false
	}
	end := 1 + int(state[0])
	return slices.Clone(state[1:end]), state[end:], true
}

// Written implements firmware.PersistentImage.
func (f *Firmware) Written() []byte { return f.written }

// Rewrite implements firmware.PersistentImage.
func (f *Firmware) Rewrite(data []byte) { f.written = slices.Clone(data) }
