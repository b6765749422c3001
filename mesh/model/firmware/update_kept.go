package firmware

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// keptUpdate is what a Firmware Update Server stores for a restart.
//
//	| version 8 | UpdatePhase 3 | AdditionalInformation 5 | UpdateTTL 8 | UpdateTimeoutBase 16 | UpdateBLOBID 64 |
//	| UpdateFirmwareImageIndex 8 | length 8 | IncomingFirmwareMetadata | of each image: | length 8 | its state |
type keptUpdate struct {
	phase       Phase
	effect      Effect
	ttl         mesh.TTL
	timeoutBase uint16
	id          blob.ID
	index       uint8
	metadata    []byte // up to 255 octets are stored
	images      [][]byte
}

// Fields implements access.Part.
func (k *keptUpdate) Fields(c *access.Codec) {
	version := uint8(keptVersion)
	c.Uint8("version", &version)
	c.Require(version == keptVersion, "version", "1")
	k.phase.visit(c)
	c.Require(k.phase <= ApplyingUpdate, "update_phase", "0 to 6")
	k.effect.visit(c)
	c.Uint8("update_ttl", (*uint8)(&k.ttl))
	c.Uint16("update_timeout_base", &k.timeoutBase)
	blob.Visit(c, "update_blob_id", &k.id)
	c.Uint8("update_firmware_image_index", &k.index)
	sizedBytes(c, "incoming_firmware_metadata", &k.metadata)
	access.List(c, "images", &k.images, func(image *[]byte, c *access.Codec) { sizedBytes(c, "state", image) })
}

// State implements access.Persistent. A server has none if one of its images
// cannot be stored.
func (s *UpdateServer) State() []byte {
	k := keptUpdate{phase: s.phase, effect: s.effect, ttl: s.ttl, timeoutBase: s.timeoutBase, id: s.id, index: s.index, metadata: s.metadata}
	for _, i := range s.images {
		image, ok := i.(PersistentImage)
		if !ok {
			return nil
		}
		k.images = append(k.images, image.Keep())
	}
	state, err := access.AppendPart(nil, &k)
	if err != nil {
		return nil // an update with very long metadata is not stored
	}
	return state
}

// Restore implements access.Persistent. The BLOB Transfer Server must be
// restored before. A running transfer becomes an interrupted one.
func (s *UpdateServer) Restore(state []byte) error {
	if len(state) == 0 {
		return nil
	}
	var k keptUpdate
	if err := access.DecodePart(state, &k); err != nil {
		return fmt.Errorf("firmware update: %w", err)
	}
	if len(k.images) != len(s.images) || int(k.index) >= max(len(s.images), 1) {
		return fmt.Errorf("firmware update: expected the state of %d images, got %d", len(s.images), len(k.images))
	}
	for i := range s.images {
		if image, ok := s.images[i].(PersistentImage); ok {
			if err := image.Restore(k.images[i]); err != nil {
				return fmt.Errorf("firmware update: %w", err)
			}
		}
	}
	s.phase, s.effect, s.ttl, s.timeoutBase, s.id, s.index, s.metadata = k.phase, k.effect, k.ttl, k.timeoutBase, k.id, k.index, k.metadata
	s.resume()
	return nil
}

// resume continues what was in progress.
func (s *UpdateServer) resume() {
	switch s.phase {
	case Idle:
		s.blob.Cancel() // from the previous update
	case ApplyingUpdate:
		s.applied = time.Unix(0, 0) // the restart is complete
	case TransferActive, TransferError:
		sink, ok := s.sink().(blob.PersistentSink)
		switch {
		case !ok || !s.blob.Resume(s.id, sink) || s.blob.Phase() == blob.Suspended:
			s.phase = TransferError
		default: // the restart was before the firmware was verified
			s.verify()
		}
	}
}
