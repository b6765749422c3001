// Package update brings new firmware to devices (Mesh Device Firmware Update Model
// 1.0): device/ota_update/check, update, abort and clear.
//
//	one device      bridge ─▶ Firmware Update Server                   update.go
//	several         bridge ─▶ group ─▶ Firmware Update Servers         distribute.go
//	by a device     bridge ─▶ Firmware Distribution Server ─▶ others   via.go
//
// Each runs in a worker that reports its progress: on bridge/event, and as the
// attribute "update" in the state of the device.
package update

import (
	"io/fs"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/outside"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// States publishes the state of a device again.
type States interface{ PublishState(d *registry.Device) }

// Part updates the firmware of devices. Make it with New.
type Part struct {
	part.None
	h            *part.Host
	states       States
	files        fs.FS
	outside      *outside.Runner // reads them
	chunks       chan struct{}   // holds a token while a chunk of firmware is sent
	updates      map[*registry.Device]*update
	distributing bool // several devices are being updated at once
}

// New makes the part. files are the firmware images; nil for none.
func New(h *part.Host, s States, files fs.FS) *Part {
	return &Part{h: h, states: s, files: files, outside: outside.New(), chunks: make(chan struct{}, 1), updates: map[*registry.Device]*update{}}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{
		request.Define(checkMeta(), p.check),
		request.Define(updateMeta(), p.request),
		request.Define(abortMeta(), p.abort),
		request.Define(clearMeta(), p.clear),
	}
}

// Removed implements part.Part.
func (p *Part) Removed(d *registry.Device, _ bool) {
	if u := p.updates[d]; u != nil {
		u.abort()
		delete(p.updates, d)
	}
}

// State returns the attribute "update" of a device; nil if it was not updated since the
// start.
func (p *Part) State(d *registry.Device) *document.Update {
	if u := p.updates[d]; u != nil {
		return u.document(p.h.Loop.Now())
	}
	return nil
}

// Message implements part.Part. It takes the messages of the update models.
func (p *Part) Message(m *part.Message) bool {
	if m.DeviceKey || m.Element.Translator == nil {
		return false
	}
	switch m.Opcode {
	case blob.OpPartialBlockReport:
		report := new(blob.PartialBlockReport)
		if u := p.updates[m.Element.Device]; u != nil && m.Src == u.target && access.Decode(m.Params, report) == nil {
			select {
			case <-u.reports: // an older one that was not read yet
			default:
			}
			u.reports <- report
		}
		return true
	case blob.OpInformationStatus, blob.OpTransferStatus, blob.OpBlockStatus,
		firmware.OpUpdateInformationStatus, firmware.OpUpdateFirmwareMetadataStatus, firmware.OpUpdateStatus,
		firmware.OpDistributionReceiversStatus, firmware.OpDistributionReceiversList, firmware.OpDistributionCapabilitiesStatus,
		firmware.OpDistributionStatus, firmware.OpDistributionUploadStatus, firmware.OpDistributionFirmwareStatus:
		return true // an answer, which the request has received
	}
	return false
}
