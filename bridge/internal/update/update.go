package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/outside"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// This file updates one device. The bridge is initiator and distributor at once. Each
// update is a worker that sends the messages of a firmware.Updater.

const (
	// maxUpdates is how many updates may run at once.
	maxUpdates = 16
	// updateTimeoutBase is the Update Timeout Base: the node waits 10 s for the next
	// message, and 10 s more for each unit.
	updateTimeoutBase = 10
	// chunkAttempts is how often a chunk is sent before the node is asked which
	// chunks it misses.
	chunkAttempts = 3
	// progressInterval is the shortest time between two reports of progress.
	progressInterval = 2 * time.Second
)

// update is the last update of a device's firmware, running or ended.
type update struct {
	target  mesh.Address // element of the Firmware Update Server
	abort   context.CancelFunc
	reports chan *blob.PartialBlockReport
	running bool
	stage   firmware.Stage
	done    uint32 // octets
	size    uint32
	began   time.Time
	// distributes says that the device distributes the firmware to others.
	distributes bool
}

// procedure is the state machine of an update: a firmware.Updater or a
// firmware.Initiator.
type procedure interface {
	Next(now time.Time) (blob.Ask, bool)
	Answer(now time.Time, m access.Message, failed error)
	Report(m *blob.PartialBlockReport)
	NextDeadline() time.Time
	Stage() firmware.Stage
	Done() bool
	Err() error
	Cancel()
}

// document is the update in the state of the device.
func (u *update) document(now time.Time) *document.Update {
	if !u.running {
		return &document.Update{State: "idle"}
	}
	percent := u.percent()
	d := &document.Update{State: "updating", Stage: string(u.stage), Progress: &percent}
	if u.distributes {
		d.State = "distributing"
	}
	if elapsed := now.Sub(u.began); u.done > 0 && u.done < u.size {
		remaining := int(elapsed.Seconds() * float64(u.size-u.done) / float64(u.done))
		d.Remaining = &remaining
	}
	return d
}

func (u *update) percent() int {
	if u.size == 0 {
		return 0
	}
	return int(100 * uint64(u.done) / uint64(u.size))
}

// updateServer returns the address of the Firmware Update Server of a device.
func updateServer(d *registry.Device) (mesh.Address, error) {
	return elementWith(d, firmware.UpdateServerID, "takes no firmware over the mesh: it has no Firmware Update Server")
}

// elementWith returns the address of the element with a model and a BLOB Transfer
// Server. without says what the device cannot do if there is none.
func elementWith(d *registry.Device, model mesh.ModelID, without string) (mesh.Address, error) {
	if d.Record.Composition == nil {
		return 0, d.Ready()
	}
	for i, e := range d.Record.Composition.Elements {
		if slices.Contains(e.Models, model) && slices.Contains(e.Models, blob.TransferServerID) {
			return d.Record.Address + mesh.Address(i), nil
		}
	}
	return 0, fault.New("not_supported", "%s %s", d.Record.Name, without)
}

// device returns the device of a request and the address of its Firmware Update
// Server.
func (p *Part) device(id schema.Device) (*registry.Device, mesh.Address, error) {
	d, err := p.h.Devices.Named("id", string(id))
	if err != nil {
		return nil, 0, err
	}
	target, err := updateServer(d)
	return d, target, err
}

// check reads which firmware a device runs, and the effect that the firmware of a file
// would have; of a distributor, its firmware and its capacity.
func (p *Part) check(c *request.Call[checkOut], in updateIn) {
	d, target, err := p.device(in.ID)
	if d == nil {
		c.Fail(err)
		return
	}
	distributor, none := distributionServer(d)
	if err != nil && none != nil {
		c.Fail(err)
		return
	}
	takes, to := err == nil, p.sender(d)
	p.h.Loop.Go(func(ctx context.Context) {
		var out checkOut
		var err error
		var offered *firmware.Update
		if in.File != "" || in.Hex != "" {
			var u firmware.Update
			u, err = p.wanted(ctx, &in)
			offered = &u
		}
		if err == nil && takes {
			err = p.checkUpdate(ctx, to, target, offered, &out)
		}
		if err == nil && none == nil {
			out.Distributor, err = p.checkDistributor(ctx, to, distributor)
		}
		p.h.Loop.Post(func() {
			out.Address, out.Name, out.UUID = d.Record.Address, d.Record.Name, d.Record.UUID
			c.Answer(&out, err)
		})
	})
}

// checkUpdate reads the firmware information of a device and, unless offered is nil,
// checks the metadata of the offered firmware.
func (p *Part) checkUpdate(ctx context.Context, to *sender, target mesh.Address, offered *firmware.Update, out *checkOut) error {
	const all = 0xFF
	m, err := p.ask(ctx, to, target, blob.Ask{
		Message: &firmware.UpdateInformationGet{EntriesLimit: all}, Respond: firmware.OpUpdateInformationStatus,
	})
	if err != nil {
		return err
	}
	status, ok := m.(*firmware.UpdateInformationStatus)
	if !ok {
		return fault.New("failed", "the answer is no list of firmware")
	}
	out.Images = []image{}
	for i, e := range status.Entries {
		v := versionOf(e.FirmwareID)
		out.Images = append(out.Images, image{
			Company: v.Company, FirmwareID: v.FirmwareID, Image: int(status.FirstIndex) + i, UpdateURI: fault.Clip(e.UpdateURI), Version: v.Version,
		})
		if offered != nil && int(status.FirstIndex)+i == int(offered.ImageIndex) && len(offered.Firmware.Version) > 0 {
			available := !e.FirmwareID.Equal(offered.Firmware)
			out.UpdateAvailable = &available
		}
	}
	if offered == nil {
		return nil
	}
	m, err = p.ask(ctx, to, target, blob.Ask{
		Message: &firmware.UpdateFirmwareMetadataCheck{ImageIndex: offered.ImageIndex, Metadata: offered.Metadata},
		Respond: firmware.OpUpdateFirmwareMetadataStatus,
	})
	if err != nil {
		return err
	}
	if check, ok := m.(*firmware.UpdateFirmwareMetadataStatus); ok {
		out.Check, out.Effect = check.Status.String(), check.Effect.String()
	}
	return nil
}

// request updates one device or several. The response comes when they run the new
// firmware, or says why they do not.
func (p *Part) request(c *request.Call[updateOut], in updateIn) {
	switch {
	case in.Via != "":
		p.distributeVia(c, &in)
	case in.Apply != nil:
		c.Fail(fault.New("bad_value", "apply: only a device with a Firmware Distribution Server, named by via, can wait with that"))
	case len(in.IDs) > 0:
		p.distributeAll(c, &in)
	default:
		p.updateOne(c, &in)
	}
}

// updateOne updates one device.
func (p *Part) updateOne(c *request.Call[updateOut], in *updateIn) {
	d, target, err := p.device(in.ID)
	if err != nil {
		c.Fail(err)
		return
	}
	if err := p.mayBegin(d); err != nil {
		c.Answer(updateOf(d), err)
		return
	}
	p.read(in, func(wanted firmware.Update, err error) {
		if err == nil {
			err = p.mayBegin(d)
		}
		if err != nil {
			c.Answer(updateOf(d), err)
			return
		}
		p.startUpdate(c, d, target, wanted)
	})
}

// updateOf is the response about one device.
func updateOf(d *registry.Device) *updateOut {
	return &updateOut{Address: d.Record.Address, Name: d.Record.Name, UUID: &d.Record.UUID}
}

// read reads the firmware of a request in a worker and passes it to then in the loop.
func (p *Part) read(in *updateIn, then func(firmware.Update, error)) {
	p.h.Loop.Go(func(ctx context.Context) {
		wanted, err := p.wanted(ctx, in)
		p.h.Loop.Post(func() { then(wanted, err) })
	})
}

// wanted reads the firmware of a request. A file may be on a network share that hangs.
func (p *Part) wanted(ctx context.Context, in *updateIn) (firmware.Update, error) {
	read := func() (firmware.Update, error) { return in.update(p.files) }
	if in.File == "" {
		return read()
	}
	return outside.Do(ctx, p.outside, fmt.Sprintf("reading %q in firmware.dir", fault.Clip(in.File)), read)
}

// mayBegin returns an error if an update of the device cannot begin now.
func (p *Part) mayBegin(d *registry.Device) error {
	if err := p.free(d); err != nil {
		return err
	}
	running := 0
	for _, u := range p.updates {
		if u.running {
			running++
		}
	}
	if running >= maxUpdates {
		return fault.New("busy", "%d devices are being updated already", running)
	}
	return nil
}

// free returns an error if the device is in use.
func (p *Part) free(d *registry.Device) error {
	switch {
	case p.h.Loop.Stopping():
		return node.ErrStopped
	case p.updating(d):
		return fault.New("busy", "%s is being updated already", d.Record.Name)
	case !p.h.Devices.Has(d):
		return fault.ErrRemoved
	default:
		return p.h.Devices.Idle(d)
	}
}

func (p *Part) updating(d *registry.Device) bool { return p.updates[d] != nil && p.updates[d].running }

// newUpdate records that an update of a device begins. The context ends when the update
// is aborted.
func (p *Part) newUpdate(d *registry.Device, target mesh.Address, wanted firmware.Update) (*update, context.Context) {
	abort, cancel := context.WithCancel(p.h.Loop.Context())
	return p.noteUpdate(d, target, wanted, cancel), abort
}

// noteUpdate records that an update of a device begins. cancel aborts it.
func (p *Part) noteUpdate(d *registry.Device, target mesh.Address, wanted firmware.Update, cancel context.CancelFunc) *update {
	u := &update{
		target: target, abort: cancel, reports: make(chan *blob.PartialBlockReport, 1), running: true,
		stage: firmware.StageChecking, size: wanted.Object.Size, began: p.h.Loop.Now(),
	}
	p.updates[d] = u
	p.h.Log.Info().Str("device", d.Record.Name).Uint32("size", u.size).Stringer("blob", wanted.Object.ID).Msg("updating the firmware of a device")
	p.updateEvent(d, u.stage, nil)
	return u
}

func (p *Part) startUpdate(c *request.Call[updateOut], d *registry.Device, target mesh.Address, wanted firmware.Update) {
	u, abort := p.newUpdate(d, target, wanted)
	to := p.sender(d)
	p.h.Loop.Go(func(ctx context.Context) {
		defer u.abort()
		updater := firmware.NewUpdater(wanted)
		err := p.carryOut(ctx, abort, to, u, updater, func() {
			stage, done := updater.Stage(), updater.Progress()
			p.h.Loop.Post(func() { p.updateProgress(d, u, stage, done) })
		}, func() bool { return false })
		p.h.Loop.Post(func() {
			out := updateOf(d)
			out.Effect = updater.Effect().String()
			err := p.updateEnded(d, u, updater, err)
			if errors.Is(err, fault.ErrRemoved) {
				out = nil
			}
			c.Answer(out, err)
		})
	})
}

// carryOut sends the messages of a procedure until it is done or enough returns true.
// It calls progress when there is some. When the context abort ends, it cancels the
// procedure.
func (p *Part) carryOut(
	ctx, abort context.Context, to *sender, u *update, updater procedure, progress func(), enough func() bool,
) error {
	stage, reported := firmware.StageChecking, p.h.Loop.Now()
	for !updater.Done() && !enough() {
		if ctx.Err() != nil {
			return node.ErrStopped
		}
		sending := abort
		if abort.Err() != nil {
			updater.Cancel()
			sending = ctx
		}
		ask, ok := updater.Next(p.h.Loop.Now())
		if !ok {
			p.awaitUpdate(abort, ctx, u, updater)
			continue
		}
		m, err := p.ask(sending, to, u.target, ask)
		if abort.Err() != nil {
			updater.Cancel() // so that the end of the request does not count as a failure
		}
		updater.Answer(p.h.Loop.Now(), m, err)
		if now := p.h.Loop.Now(); !updater.Done() && (updater.Stage() != stage || now.Sub(reported) >= progressInterval) {
			stage, reported = updater.Stage(), now
			progress()
		}
	}
	return updater.Err()
}

// awaitUpdate waits until the procedure has something to send again.
func (p *Part) awaitUpdate(abort, ctx context.Context, u *update, updater procedure) {
	if updater.Done() {
		return
	}
	const longest = time.Minute // more than any deadline of a procedure
	wait := longest
	if d := updater.NextDeadline(); !d.IsZero() {
		wait = max(time.Until(d), 0)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	interrupted := abort.Done()
	if abort.Err() != nil {
		interrupted = ctx.Done()
	}
	select {
	case m := <-u.reports:
		updater.Report(m)
	case <-timer.C:
	case <-interrupted:
	}
}

// ask sends a message of the update models and decodes the answer, if one is
// expected.
func (p *Part) ask(ctx context.Context, to *sender, target mesh.Address, ask blob.Ask) (access.Message, error) {
	if err := to.bind(ctx); err != nil {
		return nil, err
	}
	payload, err := access.Append(nil, ask.Message)
	if err != nil {
		return nil, err
	}
	r := node.Request{
		Dst: target, NetKey: to.NetKey, Key: transport.Key{App: to.AppKey}, TTL: mesh.DefaultTTL, Payload: payload, Respond: ask.Respond,
	}
	if ask.Respond == 0 {
		// A chunk occupies the radio for a second. Sending one at a time leaves room
		// for commands between its segments.
		select {
		case p.chunks <- struct{}{}:
			defer func() { <-p.chunks }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		r.Attempts = chunkAttempts
	}
	response, err := to.Request(ctx, r)
	if err != nil || ask.Respond == 0 {
		return nil, err
	}
	return p.h.Messages.DecodeParams(response.Opcode, response.Params)
}

func (p *Part) updateProgress(d *registry.Device, u *update, stage firmware.Stage, done uint32) {
	if !p.h.Devices.Has(d) || p.updates[d] != u || !u.running {
		return
	}
	u.stage, u.done = stage, max(u.done, done) // repeating a chunk does not reduce the progress
	p.updateEvent(d, stage, nil)
	p.states.PublishState(d)
}

// updateEnded records that an update by the bridge has ended.
func (p *Part) updateEnded(d *registry.Device, u *update, updater *firmware.Updater, err error) error {
	if err == nil && updater.Stage() == firmware.StageCancelled {
		err = fault.New("aborted", "the update of %s was aborted", d.Record.Name)
	}
	return p.updateOver(d, u, updater.Stage(), updater.Progress(), updateFailure(err))
}

// updateOver records that an update has ended, and returns the error that it ended
// with.
func (p *Part) updateOver(d *registry.Device, u *update, stage firmware.Stage, done uint32, err error) error {
	u.running, u.stage, u.done = false, stage, max(u.done, done)
	if !p.h.Devices.Has(d) {
		return fmt.Errorf("%w during its update: %s", fault.ErrRemoved, d.Record.Name)
	}
	p.updateEvent(d, stage, err)
	p.states.PublishState(d)
	if err == nil && stage == firmware.StageDone && !u.distributes {
		p.h.Log.Info().Str("device", d.Record.Name).Msg("the device runs the new firmware")
	}
	return err
}

// updateFailure adds the code to the error of an update.
func updateFailure(err error) error {
	for _, known := range []struct {
		is   error
		code string
	}{
		{firmware.ErrBusy, "busy"},
		{firmware.ErrNoRoom, "no_room"},
		{firmware.ErrTooMany, "too_many"},
		{firmware.ErrNoFetch, "not_supported"},
		{firmware.ErrUpload, "upload_failed"},
		{firmware.ErrEnded, "ended"},
		{firmware.ErrSame, "up_to_date"},
		{firmware.ErrNoImage, "no_image"},
		{firmware.ErrVerify, "verification_failed"},
		{firmware.ErrNotRun, "not_applied"},
		{firmware.ErrRefused, "refused"},
		{blob.ErrRefused, "refused"},
		{blob.ErrNoMatch, "unsuitable"},
	} {
		if errors.Is(err, known.is) {
			return fault.New(known.code, "%w", err)
		}
	}
	return err
}

func (p *Part) updateEvent(d *registry.Device, stage firmware.Stage, err error) {
	e := document.DeviceUpdate{Name: d.Record.Name, UUID: d.Record.UUID, Stage: string(stage), Progress: p.updates[d].percent()}
	if err != nil {
		e.Code, e.Error = fault.Code(err), fault.Text(err)
	}
	p.h.Publisher.Notify(e)
}

// abort ends an update. If this bridge did not begin it, or was restarted since, the
// device is told to cancel it.
func (p *Part) abort(c *request.Call[document.DeviceReference], in deviceIn) {
	d, target, err := p.device(in.ID)
	if d == nil {
		c.Fail(err)
		return
	}
	distributor, none := distributionServer(d)
	if err != nil && none != nil {
		c.Answer(d.Who(), err)
		return
	}
	if p.updating(d) {
		p.updates[d].abort()
		c.Answer(d.Who(), nil)
		return
	}
	takes, to := err == nil, p.sender(d)
	p.h.Loop.Go(func(ctx context.Context) {
		var err error
		if takes {
			_, err = p.ask(ctx, to, target, blob.Ask{Message: &firmware.UpdateCancel{}, Respond: firmware.OpUpdateStatus})
		}
		if err == nil && none == nil {
			err = p.abortDistributor(ctx, to, distributor)
		}
		p.h.Loop.Post(func() { c.Answer(d.Who(), err) })
	})
}
