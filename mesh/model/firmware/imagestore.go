package firmware

import (
	"bytes"
	"math"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// stored is firmware that a distributor has.
type stored struct {
	id       ID
	metadata []byte
	blob     blob.ID
	data     []byte
}

// imageStore is the firmware of a distributor: the Firmware Images List, and the
// upload to it.
type imageStore struct {
	limits   *DistributorLimits
	transfer *blob.Server
	images   []stored
	touch    func(now time.Time) // called when the images have changed

	phase    UploadPhase
	upload   stored // its data grows up to size
	size     uint32
	received uint32 // octets received so far
}

// noIndex is the index of an image that does not exist.
const noIndex = 0xFFFF

// receive handles the messages about uploads and images.
func (d *imageStore) receive(ctx access.Context, in *access.Incoming) {
	switch in.Opcode {
	case OpDistributionUploadGet:
		on(ctx, in, func(*DistributionUploadGet) access.Message { return d.status(DistributionSuccess) })
	case OpDistributionUploadStart:
		on(ctx, in, func(m *DistributionUploadStart) access.Message { return d.status(d.start(ctx, m)) })
	case OpDistributionUploadOOBStart:
		on(ctx, in, func(*DistributionUploadOOBStart) access.Message {
			if d.phase == UploadActive {
				return d.status(DistributionBusyWithUpload)
			}
			return d.status(DistributionURINotSupported)
		})
	case OpDistributionUploadCancel:
		on(ctx, in, func(*DistributionUploadCancel) access.Message {
			d.transfer.Cancel()
			d.forget()
			return d.status(DistributionSuccess)
		})
	case OpDistributionFirmwareGet:
		on(ctx, in, func(m *DistributionFirmwareGet) access.Message {
			return d.firmware(d.index(m.FirmwareID), &m.FirmwareID)
		})
	case OpDistributionFirmwareGetByIndex:
		on(ctx, in, func(m *DistributionFirmwareGetByIndex) access.Message { return d.byIndex(int(m.FirmwareImageIndex)) })
	}
}

func (d *imageStore) forget() { d.phase, d.upload, d.size, d.received = UploadIdle, stored{}, 0, 0 }

// room is how many more octets can be stored.
func (d *imageStore) room() uint32 {
	used := uint32(0)
	for i := range d.images {
		used += uint32(len(d.images[i].data))
	}
	return d.limits.Space - min(used, d.limits.Space)
}

func (d *imageStore) status(status DistributionStatusCode) access.Message {
	m := &DistributionUploadStatus{Status: status, Phase: d.phase}
	if d.phase == UploadIdle {
		return m
	}
	const all = 100 // percent
	m.HasUpload, m.FirmwareID = true, d.upload.id
	m.Progress = all
	if d.phase != UploadComplete {
		m.Progress = uint8(all * uint64(d.received) / uint64(max(d.size, 1)))
	}
	return m
}

// start expects an image. The same request again is answered, and after silence
// it lets the upload continue. An image that exists already need not be
// uploaded again.
func (d *imageStore) start(ctx access.Context, m *DistributionUploadStart) DistributionStatusCode {
	same := d.upload.blob == m.BLOBID && d.upload.id.Equal(m.FirmwareID) && bytes.Equal(d.upload.metadata, m.Metadata) && d.size == m.FirmwareSize
	switch {
	case d.phase == UploadActive && same:
		return DistributionSuccess
	case d.phase == UploadActive:
		return DistributionBusyWithUpload
	case d.phase == UploadError && same && d.transfer.BLOB() == m.BLOBID && d.transfer.Phase() == blob.Suspended:
		d.phase = UploadActive
		return DistributionSuccess
	}
	if i := d.index(m.FirmwareID); i != noIndex {
		d.transfer.Cancel()
		d.forget()
		d.phase, d.upload, d.size = UploadComplete, d.images[i], uint32(len(d.images[i].data))
		return DistributionSuccess
	}
	if m.FirmwareSize == 0 || m.FirmwareSize > d.limits.ImageSize || m.FirmwareSize > d.room() || len(d.images) >= int(d.limits.Images) {
		return DistributionNoResources
	}
	d.forget()
	d.phase, d.size = UploadActive, m.FirmwareSize
	d.upload = stored{id: ID{m.FirmwareID.CompanyID, slices.Clone(m.FirmwareID.Version)}, metadata: slices.Clone(m.Metadata), blob: m.BLOBID}
	d.transfer.Expect(ctx.Now(), m.BLOBID, m.TTL, m.TimeoutBase, upload{d})
	return DistributionSuccess
}

// upload is the imageStore as a BLOB sink.
type upload struct{ *imageStore }

func (u upload) Write(offset uint32, chunk []byte) bool {
	end := uint64(offset) + uint64(len(chunk))
	if end > uint64(u.size) {
		return false // larger than announced
	}
	if int(end) > len(u.upload.data) {
		u.upload.data = slices.Grow(u.upload.data, int(end)-len(u.upload.data))[:end]
	}
	copy(u.upload.data[offset:], chunk)
	u.received += uint32(len(chunk))
	return true
}

func (u upload) Ended(ctx access.Context, complete bool) {
	if !complete || len(u.upload.data) != int(u.size) {
		u.phase = UploadError
		return
	}
	u.phase = UploadComplete
	u.images = append(u.images, u.upload)
	u.touch(ctx.Now())
}

func (u upload) Suspended(access.Context) { u.phase = UploadError }

func (d *imageStore) index(id ID) int {
	if i := slices.IndexFunc(d.images, func(s stored) bool { return s.id.Equal(id) }); i >= 0 {
		return i
	}
	return noIndex
}

// firmware reports the image with an index; id is the requested one.
func (d *imageStore) firmware(index int, id *ID) access.Message {
	m := &DistributionFirmwareStatus{FirmwareImagesListCount: uint16(min(len(d.images), math.MaxUint16)), FirmwareImageIndex: uint16(index)}
	if index == noIndex {
		m.Status = DistributionFirmwareNotFound
	}
	if id != nil {
		m.HasFirmware, m.FirmwareID = true, *id
	}
	return m
}

func (d *imageStore) byIndex(index int) access.Message {
	if index < len(d.images) {
		return d.firmware(index, &d.images[index].id)
	}
	m := d.firmware(noIndex, nil)
	if m, ok := m.(*DistributionFirmwareStatus); ok {
		m.FirmwareImageIndex = uint16(index)
	}
	return m
}

// delete deletes an image, but not during a distribution, which refers to it by
// its index. An image that does not exist counts as deleted.
func (d *imageStore) delete(id ID, phase DistributionPhase) access.Message {
	status := DistributionSuccess
	if phase != DistributionIdle {
		status = DistributionBusy
	} else if i := d.index(id); i != noIndex {
		d.images = slices.Delete(d.images, i, i+1)
	}
	return &DistributionFirmwareStatus{
		Status: status, FirmwareImagesListCount: uint16(len(d.images)), FirmwareImageIndex: noIndex, HasFirmware: true, FirmwareID: id,
	}
}

func (d *imageStore) deleteAll(phase DistributionPhase) access.Message {
	status := DistributionSuccess
	if phase != DistributionIdle {
		status = DistributionBusy
	} else {
		d.images = nil
	}
	return &DistributionFirmwareStatus{Status: status, FirmwareImagesListCount: uint16(len(d.images)), FirmwareImageIndex: noIndex}
}
