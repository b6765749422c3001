package device

import (
	"bytes"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
)

// MaxFirmware is the largest firmware that a virtual device takes, in octets.
const MaxFirmware = 64 << 10

const maxVersion = 8

// Firmware is the firmware of a virtual device. Its metadata is the version, of
// one to eight octets, and an image is good when it begins with its version.
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

// Version is what the device runs.
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
