package firmware

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// DistributorLimits limit what a distributor stores.
type DistributorLimits struct {
	Receivers uint16 // nodes per distribution
	Images    uint16
	ImageSize uint32 // octets per image
	Space     uint32 // octets of all images
}

// Distributor is a node that updates others (Mesh Device Firmware Update Model,
// Firmware Distribution Server): firmware is uploaded to it, and it transfers
// it to the receivers, each with an Updater. Its models belong to one element.
//
//	idle -> transfer active -> transfer success -> applying update -> completed
//	             |    ^                                  (failed: no node has it)
//	             v    |
//	        transfer suspended
type Distributor struct {
	limits     DistributorLimits
	transfer   *blob.Server
	imageStore imageStore

	receivers []Receiver
	phase     DistributionPhase
	order     DistributionStart // what is distributed and how
	applied   bool              // applied on request, though started without ApplyUpdate
	round     round

	state   []byte    // stored state, nil if it has changed
	unsaved time.Time // zero: it is saved
	revived bool      // it has been restored and has to continue
}

// NewDistributor makes a distributor without firmware.
func NewDistributor(l DistributorLimits) *Distributor {
	d := &Distributor{limits: l, transfer: blob.NewServer(blob.DefaultLimits(l.ImageSize))}
	d.imageStore = imageStore{limits: &d.limits, transfer: d.transfer, touch: d.touch}
	return d
}

// Models returns the Firmware Distribution Server, the BLOB Transfer Server for
// uploads to it, and the clients that send to the receivers: the AppKey of a
// distribution has to be bound to these as well.
func (d *Distributor) Models() []access.Model {
	return []access.Model{d.transfer, transferClient{d}, updateClient{d}, distributionServer{d}}
}

// Phase returns the phase of the distribution.
func (d *Distributor) Phase() DistributionPhase { return d.phase }

// isBusy reports whether there is a distribution that another must wait for.
func (d *Distributor) isBusy() bool {
	switch d.phase {
	case DistributionIdle, DistributionCompleted, DistributionFailed:
		return false
	default:
		return true
	}
}

// distributionServer is the Firmware Distribution Server model of a distributor.
type distributionServer struct{ *Distributor }

// ID implements access.Model.
func (distributionServer) ID() mesh.ModelID { return DistributionServerID }

// Opcodes implements access.Model.
func (distributionServer) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{
		OpDistributionReceiversAdd, OpDistributionReceiversDeleteAll, OpDistributionReceiversGet, OpDistributionCapabilitiesGet,
		OpDistributionGet, OpDistributionStart, OpDistributionSuspend, OpDistributionCancel, OpDistributionApply,
		OpDistributionUploadGet, OpDistributionUploadStart, OpDistributionUploadOOBStart, OpDistributionUploadCancel,
		OpDistributionFirmwareGet, OpDistributionFirmwareGetByIndex, OpDistributionFirmwareDelete, OpDistributionFirmwareDeleteAll,
	}
}

// Receive implements access.Model.
func (s distributionServer) Receive(ctx access.Context, in *access.Incoming) {
	switch in.Opcode {
	case OpDistributionReceiversAdd:
		on(ctx, in, func(m *DistributionReceiversAdd) access.Message { return s.countReceivers(s.add(m.Receivers)) })
	case OpDistributionReceiversDeleteAll:
		on(ctx, in, func(*DistributionReceiversDeleteAll) access.Message { return s.countReceivers(s.deleteReceivers()) })
	case OpDistributionReceiversGet:
		on(ctx, in, s.list)
	case OpDistributionCapabilitiesGet:
		on(ctx, in, s.capabilities)
	case OpDistributionGet:
		on(ctx, in, func(*DistributionGet) access.Message { return s.status(DistributionSuccess) })
	case OpDistributionStart:
		on(ctx, in, func(m *DistributionStart) access.Message { return s.status(s.start(ctx, m)) })
	case OpDistributionSuspend:
		on(ctx, in, func(*DistributionSuspend) access.Message { return s.status(s.suspend()) })
	case OpDistributionCancel:
		on(ctx, in, func(*DistributionCancel) access.Message { return s.status(s.cancel(ctx.Now())) })
	case OpDistributionApply:
		on(ctx, in, func(*DistributionApply) access.Message { return s.status(s.apply(ctx.Now())) })
	case OpDistributionFirmwareDelete:
		on(ctx, in, func(m *DistributionFirmwareDelete) access.Message { return s.imageStore.delete(m.FirmwareID, s.phase) })
	case OpDistributionFirmwareDeleteAll:
		on(ctx, in, func(*DistributionFirmwareDeleteAll) access.Message { return s.imageStore.deleteAll(s.phase) })
	default:
		s.imageStore.receive(ctx, in)
		return
	}
	switch in.Opcode {
	case OpDistributionReceiversGet, OpDistributionCapabilitiesGet, OpDistributionGet:
	default:
		s.state = nil
	}
}

// on decodes a message and sends the reply.
func on[M any, P interface {
	*M
	access.Message
}](ctx access.Context, in *access.Incoming, reply func(P) access.Message,
) {
	m := P(new(M))
	if access.Decode(in.Params, m) == nil {
		ctx.Reply(reply(m))
	}
}

func (d *Distributor) countReceivers(status DistributionStatusCode) access.Message {
	return &DistributionReceiversStatus{Status: status, ReceiversListCount: uint16(len(d.receivers))}
}

// add adds nodes, all or none. A node that is already there gets the new image
// index.
func (d *Distributor) add(more []Receiver) DistributionStatusCode {
	if d.isBusy() {
		return DistributionBusy
	}
	all := slices.Clone(d.receivers)
	for _, r := range more {
		if i := slices.IndexFunc(all, func(known Receiver) bool { return known.Address == r.Address }); i >= 0 {
			all[i] = r
			continue
		}
		if all = append(all, r); len(all) > int(d.limits.Receivers) {
			return DistributionNoResources
		}
	}
	d.receivers = all
	d.round.forget()
	return DistributionSuccess
}

func (d *Distributor) deleteReceivers() DistributionStatusCode {
	if d.isBusy() {
		return DistributionBusy
	}
	d.receivers = nil
	d.round.forget()
	return DistributionSuccess
}

// list reports receivers, as many as fit into a message.
func (d *Distributor) list(m *DistributionReceiversGet) access.Message {
	const header, entry = 6, 5
	list := &DistributionReceiversList{ReceiversListCount: uint16(len(d.receivers)), FirstIndex: m.FirstIndex}
	most := min(int(m.EntriesLimit), (access.MaxPayload-header)/entry)
	for i := int(m.FirstIndex); i < len(d.receivers) && len(list.Receivers) < most; i++ {
		list.Receivers = append(list.Receivers, d.round.entry(i, d.receivers[i]))
	}
	return list
}

func (d *Distributor) capabilities(*DistributionCapabilitiesGet) access.Message {
	return &DistributionCapabilitiesStatus{
		MaxReceiversListSize: d.limits.Receivers, MaxFirmwareImagesListSize: d.limits.Images,
		MaxFirmwareImageSize: d.limits.ImageSize, MaxUploadSpace: d.limits.Space, RemainingUploadSpace: d.imageStore.room(),
	}
}

func (d *Distributor) status(status DistributionStatusCode) access.Message {
	m := &DistributionStatus{Status: status, Phase: d.phase}
	if d.phase != DistributionIdle {
		m.HasDistribution, m.MulticastAddress, m.AppKeyIndex, m.TTL = true, d.order.MulticastAddress, d.order.AppKeyIndex, d.order.TTL
		m.TimeoutBase, m.Mode, m.ApplyUpdate, m.FirmwareImageIndex = d.order.TimeoutBase, d.order.Mode, d.order.ApplyUpdate, d.order.FirmwareImageIndex
	}
	return m
}

// start begins a distribution, or continues a suspended one. The same request
// again is answered.
func (d *Distributor) start(ctx access.Context, m *DistributionStart) DistributionStatusCode {
	same := d.order == *m
	keys, knows := ctx.(access.AppKeyChecker)
	switch {
	case len(d.receivers) == 0:
		return DistributionNoReceivers
	case knows && !keys.HasAppKey(m.AppKeyIndex):
		return DistributionInvalidAppKey
	case int(m.FirmwareImageIndex) >= len(d.imageStore.images):
		return DistributionFirmwareNotFound
	case m.HasLabel:
		return DistributionInternalError // it cannot send to a virtual address
	case d.phase == DistributionSuspended && same:
		d.begin(ctx.Now())
		return DistributionSuccess
	case same && (d.phase == DistributionActive || d.phase == DistributionTransferred || d.phase == DistributionApplying):
		return DistributionSuccess
	case d.isBusy():
		return DistributionBusy
	}
	d.order, d.applied = *m, false
	d.round.forget()
	d.begin(ctx.Now())
	return DistributionSuccess
}

// begin makes the updaters, except for nodes that are finished.
func (d *Distributor) begin(now time.Time) {
	image := &d.imageStore.images[d.order.FirmwareImageIndex]
	d.phase = DistributionActive
	d.round.begin(now, d.order, image, d.receivers)
}

func (d *Distributor) suspend() DistributionStatusCode {
	switch d.phase {
	case DistributionSuspended:
		return DistributionSuccess
	case DistributionActive:
		d.phase, d.revived = DistributionSuspended, false
		d.round.halt()
		return DistributionSuccess
	default:
		return DistributionWrongPhase
	}
}

// cancel ends a distribution and informs the nodes.
func (d *Distributor) cancel(now time.Time) DistributionStatusCode {
	switch d.phase {
	case DistributionCompleted, DistributionFailed:
		d.phase = DistributionIdle
	case DistributionIdle, DistributionCanceling:
	default:
		d.phase = DistributionCanceling
		d.round.cancel(now)
	}
	return DistributionSuccess
}

func (d *Distributor) apply(now time.Time) DistributionStatusCode {
	switch d.phase {
	case DistributionApplying, DistributionCompleted:
		return DistributionSuccess
	case DistributionTransferred:
		d.phase, d.applied = DistributionApplying, true
		d.round.apply(now)
		return DistributionSuccess
	default:
		return DistributionWrongPhase
	}
}

// work carries out what is due in the distribution, and moves it to its next
// phase.
func (d *Distributor) work(now time.Time, send func(access.Recipient, access.Message)) {
	if d.revived {
		d.revive(now)
	}
	for {
		moved, before := d.round.work(now, send), d.phase
		switch d.phase {
		case DistributionActive:
			d.transferred(now)
		case DistributionApplying, DistributionCanceling:
			d.ended()
		}
		if d.phase != before {
			d.touch(now)
		} else if !moved {
			return
		}
	}
}

// transferred ends the transfer phase when no node is in it any more.
func (d *Distributor) transferred(now time.Time) {
	verified, updated := 0, 0
	for _, u := range d.round.updaters {
		switch {
		case u.Stage() == StageVerified:
			verified++
		case u.HasFirmware():
			updated++
		case !u.Done():
			return
		}
	}
	switch {
	case verified+updated == 0:
		d.phase = DistributionFailed
	case d.order.ApplyUpdate || d.applied:
		d.phase = DistributionApplying
		d.round.apply(now)
		d.ended() // if all run it already
	default:
		d.phase = DistributionTransferred
	}
}

// ended ends the distribution when no node has anything left to do.
func (d *Distributor) ended() {
	updated := false
	for _, u := range d.round.updaters {
		if !u.Done() {
			return
		}
		updated = updated || u.HasFirmware()
	}
	switch {
	case d.phase == DistributionCanceling:
		d.phase = DistributionIdle
	case updated:
		d.phase = DistributionCompleted
	default:
		d.phase = DistributionFailed
	}
}
