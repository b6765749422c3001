package firmware

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// kept is what a distributor stores for a restart of its node: firmware,
// receivers and the distribution. A running upload starts again; a distribution
// continues and asks each receiver for its state.
//
//	| version 8 | count 16 | images | count 16 | ReceiverEntry, 40 each | DistributionPhase 8 | applied 8 | [ DistributionStart ] |
type kept struct {
	images  []stored
	entries []ReceiverEntry
	phase   DistributionPhase
	applied bool
	order   DistributionStart
}

const keptVersion = 1

// Fields implements access.Part.
func (k *kept) Fields(c *access.Codec) {
	version := uint8(keptVersion)
	c.Uint8("version", &version)
	c.Require(version == keptVersion, "version", "1")
	count := uint16(len(k.images))
	c.Uint16("images", &count)
	access.ListOf(c, "images", &k.images, int(count), func(s *stored, c *access.Codec) {
		i := Information{FirmwareID: s.id}
		information(&i, c)
		s.id = i.FirmwareID
		sizedBytes(c, "metadata", &s.metadata)
		blob.Visit(c, "blob_id", &s.blob)
		size := uint32(len(s.data))
		c.Uint32("size", &size)
		c.Bytes("data", &s.data, int(size))
	})
	count = uint16(len(k.entries))
	c.Uint16("receivers", &count)
	access.ListOf(c, "receivers", &k.entries, int(count), receiverEntry)
	k.phase.visit(c)
	c.Require(k.phase <= DistributionSuspended, "distribution_phase", "0 to 7")
	c.Bool("applied", &k.applied)
	if k.phase != DistributionIdle {
		k.order.Fields(c)
	}
}

// touch notes that the stored state has changed.
func (d *Distributor) touch(now time.Time) {
	d.state = nil
	d.unsaved = now
}

// NextDeadline implements access.Waker. The node saves the state of a model
// that it has called, so changes in the calls of the other models wait for a
// call.
func (s distributionServer) NextDeadline() time.Time { return s.unsaved }

// Wake implements access.Waker.
func (s distributionServer) Wake(access.Context) { s.unsaved = time.Time{} }

// State implements access.Persistent.
func (s distributionServer) State() []byte {
	if s.state != nil {
		return s.state
	}
	k := kept{images: s.imageStore.images, phase: s.phase, applied: s.applied, order: s.order}
	for i, r := range s.receivers {
		k.entries = append(k.entries, s.round.entry(i, r))
	}
	state, err := access.AppendPart(nil, &k)
	if err != nil {
		state = []byte{} // never happens: all of it was received in messages
	}
	s.state = state
	return state
}

// Restore implements access.Persistent. State that exceeds the distributor's
// limits, for example after they were changed, is an error.
func (s distributionServer) Restore(state []byte) error {
	var k kept
	if err := access.DecodePart(state, &k); err != nil {
		return fmt.Errorf("firmware distribution: %w", err)
	}
	if len(k.images) > int(s.limits.Images) || len(k.entries) > int(s.limits.Receivers) {
		return fmt.Errorf("firmware distribution: expected at most %d images and %d receivers, got %d and %d",
			s.limits.Images, s.limits.Receivers, len(k.images), len(k.entries))
	}
	s.imageStore.images = k.images
	s.receivers = nil
	for _, e := range k.entries {
		s.receivers = append(s.receivers, Receiver{Address: e.Address, ImageIndex: e.ImageIndex})
	}
	s.round.restored = k.entries
	s.phase, s.applied, s.order = k.phase, k.applied, k.order
	if s.isBusy() && (int(s.order.FirmwareImageIndex) >= len(s.imageStore.images) || len(s.receivers) == 0) {
		s.phase = DistributionFailed
	}
	s.revived = s.isBusy() && s.phase != DistributionSuspended
	if s.revived {
		s.round.due = time.Unix(0, 0)
	}
	return nil
}

// revive continues the distribution from before the restart.
func (d *Distributor) revive(now time.Time) {
	d.revived = false
	canceling := d.phase == DistributionCanceling
	d.begin(now)
	if canceling {
		d.phase = DistributionCanceling
		d.round.cancel(now)
	}
}
