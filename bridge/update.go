package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file updates the firmware of devices: the bridge is initiator and
// distributor at once, and each update is a worker that carries out what a
// firmware.Updater wants sent.

const (
	// maxUpdates bounds the updates at once.
	maxUpdates = 16
	// updateTimeoutBase is how long a node waits for the next message: 10 s, and
	// this many times 10 s more.
	updateTimeoutBase = 10
	// chunkAttempts is how often a chunk is sent before the node is asked what
	// it lacks.
	chunkAttempts = 3
	// progressInterval is the time between two reports of progress.
	progressInterval = 2 * time.Second
)

// update is an update of a device's firmware, while it goes on and after it.
type update struct {
	target  mesh.Address // element of the Firmware Update Server
	abort   context.CancelFunc
	reports chan *blob.PartialBlockReport
	running bool
	stage   firmware.Stage
	done    uint32 // octets
	size    uint32
	began   time.Time
	// distributes says that the device brings the firmware to others.
	distributes bool
}

// procedure is what carries an update out: a firmware.Updater, or a
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

// document is the update as it stands in the state of the device.
func (u *update) document(now time.Time) map[string]any {
	if !u.running {
		return map[string]any{"state": "idle"}
	}
	state := "updating"
	if u.distributes {
		state = "distributing"
	}
	d := map[string]any{"state": state, "stage": string(u.stage), "progress": u.percent()}
	if elapsed := now.Sub(u.began); u.done > 0 && u.done < u.size {
		d["remaining"] = int(elapsed.Seconds() * float64(u.size-u.done) / float64(u.done))
	}
	return d
}

func (u *update) percent() int {
	if u.size == 0 {
		return 0
	}
	return int(100 * uint64(u.done) / uint64(u.size))
}

// withUpdate is the attributes of a device with its update.
func (s *Service) withUpdate(m *managed, attributes map[string]any) map[string]any {
	if m.update == nil {
		return attributes
	}
	all := maps.Clone(attributes)
	if all == nil {
		all = map[string]any{}
	}
	all["update"] = m.update.document(time.Now())
	return all
}

// updateServer finds the element of a device that takes firmware.
func (m *managed) updateServer() (mesh.Address, error) {
	if m.record.Composition == nil {
		return 0, m.ready()
	}
	for i, e := range m.record.Composition.Elements {
		if slices.Contains(e.Models, firmware.UpdateServerID) && slices.Contains(e.Models, blob.TransferServerID) {
			return m.record.Address + mesh.Address(i), nil
		}
	}
	return 0, fail("not_supported", "%s takes no firmware over the mesh: it has no Firmware Update Server", m.record.Name)
}

// updatable reads a firmware request and finds the device that it is about.
func (s *Service) updatable(payload []byte) (*updateRequest, *managed, mesh.Address, error) {
	var in updateRequest
	if err := decode(payload, &in); err != nil {
		return nil, nil, 0, err
	}
	m, err := s.named("id", in.ID)
	if err != nil {
		return nil, nil, 0, err
	}
	target, err := m.updateServer()
	return &in, m, target, err
}

// requestUpdateCheck tells what firmware a device runs, and what that of a file
// would do to it; of a distributor, what it has and has room for.
func (s *Service) requestUpdateCheck(payload []byte, reply answer) {
	in, m, target, err := s.updatable(payload)
	if m == nil {
		reply(nil, err)
		return
	}
	distributor, none := m.distributionServer()
	if err != nil && none != nil {
		reply(nil, err)
		return
	}
	takes := err == nil
	var offered *firmware.Update
	if in.File != "" || in.Hex != "" {
		u, err := in.update(s.cfg.Firmware)
		if err != nil {
			reply(m.who(), err)
			return
		}
		offered = &u
	}
	to := s.requester(m)
	s.work(func(ctx context.Context) {
		data, err := map[string]any{}, error(nil)
		if takes {
			data, err = s.checkUpdate(ctx, to, target, offered)
		}
		if err == nil && none == nil {
			data["distributor"], err = s.checkDistributor(ctx, to, distributor)
		}
		s.post(func() {
			maps.Copy(data, m.who())
			reply(data, err)
		})
	})
}

func (s *Service) checkUpdate(ctx context.Context, to *requester, target mesh.Address, offered *firmware.Update) (map[string]any, error) {
	data := map[string]any{}
	const all = 0xFF
	m, err := s.askUpdate(ctx, to, target, blob.Ask{
		Message: &firmware.UpdateInformationGet{EntriesLimit: all}, Respond: firmware.OpUpdateInformationStatus,
	})
	if err != nil {
		return data, err
	}
	status, ok := m.(*firmware.UpdateInformationStatus)
	if !ok {
		return data, fail("failed", "the answer is no list of firmware")
	}
	images := []any{}
	for i, e := range status.Entries {
		document := firmwareDocument(e.FirmwareID)
		document["image"], document["update_uri"] = int(status.FirstIndex)+i, clip(e.UpdateURI)
		images = append(images, document)
		if offered != nil && int(status.FirstIndex)+i == int(offered.ImageIndex) && len(offered.Firmware.Version) > 0 {
			data["update_available"] = !e.FirmwareID.Equal(offered.Firmware)
		}
	}
	data["images"] = images
	if offered == nil {
		return data, nil
	}
	m, err = s.askUpdate(ctx, to, target, blob.Ask{
		Message: &firmware.UpdateFirmwareMetadataCheck{ImageIndex: offered.ImageIndex, Metadata: offered.Metadata},
		Respond: firmware.OpUpdateFirmwareMetadataStatus,
	})
	if err != nil {
		return data, err
	}
	if check, ok := m.(*firmware.UpdateFirmwareMetadataStatus); ok {
		data["check"], data["effect"] = check.Status.String(), check.Effect.String()
	}
	return data, nil
}

// requestUpdate updates a device; the response comes when it runs the new
// firmware, or with the reason why not.
func (s *Service) requestUpdate(payload []byte, reply answer) {
	var several updateRequest
	switch err := decode(payload, &several); {
	case err != nil:
	case several.Via != "":
		s.requestVia(&several, reply)
		return
	case several.Apply != nil:
		reply(nil, fail("bad_value", "apply: only a device with a Firmware Distribution Server, named by via, can wait with that"))
		return
	case len(several.IDs) > 0:
		s.requestDistribution(&several, reply)
		return
	}
	in, m, target, err := s.updatable(payload)
	if err != nil {
		reply(nil, err)
		return
	}
	running := 0
	for _, other := range s.devices {
		if other.update != nil && other.update.running {
			running++
		}
	}
	err = s.free(m)
	if err == nil && running >= maxUpdates {
		err = fail("busy", "%d devices are being updated already", running)
	}
	var wanted firmware.Update
	if err == nil {
		wanted, err = in.update(s.cfg.Firmware)
	}
	if err != nil {
		reply(m.who(), err)
		return
	}
	s.startUpdate(m, target, wanted, reply)
}

// free says whether an update of a device can begin.
func (s *Service) free(m *managed) error {
	switch {
	case s.stopping:
		return node.ErrStopped
	case m.update != nil && m.update.running:
		return fail("busy", "%s is being updated already", m.record.Name)
	default:
		return s.idle(m)
	}
}

// newUpdate notes that an update of a device begins. The context ends when it is
// aborted.
func (s *Service) newUpdate(m *managed, target mesh.Address, wanted firmware.Update) (*update, context.Context) {
	abort, cancel := context.WithCancel(s.ctx)
	return s.noteUpdate(m, target, wanted, cancel), abort
}

// noteUpdate notes that an update of a device begins, which cancel aborts.
func (s *Service) noteUpdate(m *managed, target mesh.Address, wanted firmware.Update, cancel context.CancelFunc) *update {
	u := &update{
		target: target, abort: cancel, reports: make(chan *blob.PartialBlockReport, 1), running: true,
		stage: firmware.StageChecking, size: wanted.Object.Size, began: time.Now(),
	}
	m.update = u
	s.log.Info().Str("device", m.record.Name).Uint32("size", u.size).Stringer("blob", wanted.Object.ID).Msg("updating the firmware of a device")
	s.updateEvent(m, u.stage, nil)
	return u
}

func (s *Service) startUpdate(m *managed, target mesh.Address, wanted firmware.Update, reply answer) {
	u, abort := s.newUpdate(m, target, wanted)
	to := s.requester(m)
	s.work(func(ctx context.Context) {
		defer u.abort()
		updater := firmware.NewUpdater(wanted)
		err := s.carryOut(ctx, abort, to, u, updater, func() {
			stage, done := updater.Stage(), updater.Progress()
			s.post(func() { s.updateProgress(m, u, stage, done) })
		}, func() bool { return false })
		s.post(func() { s.updateEnded(m, u, updater, err, reply) })
	})
}

// carryOut sends what a procedure wants sent until it is done, or enough says
// so; progress is called when there is some. When abort ends it cancels the
// procedure.
func (s *Service) carryOut(
	ctx, abort context.Context, to *requester, u *update, updater procedure, progress func(), enough func() bool,
) error {
	stage, told := firmware.StageChecking, time.Now()
	for !updater.Done() && !enough() {
		if ctx.Err() != nil {
			return node.ErrStopped
		}
		sending := abort
		if abort.Err() != nil {
			updater.Cancel()
			sending = ctx
		}
		ask, ok := updater.Next(time.Now())
		if !ok {
			s.awaitUpdate(abort, ctx, u, updater)
			continue
		}
		m, err := s.askUpdate(sending, to, u.target, ask)
		if abort.Err() != nil {
			updater.Cancel() // before it takes the end of the request for a failure
		}
		updater.Answer(time.Now(), m, err)
		if now := time.Now(); !updater.Done() && (updater.Stage() != stage || now.Sub(told) >= progressInterval) {
			stage, told = updater.Stage(), now
			progress()
		}
	}
	return updater.Err()
}

// awaitUpdate waits until the updater has something to send again.
func (s *Service) awaitUpdate(abort, ctx context.Context, u *update, updater procedure) {
	if updater.Done() {
		return
	}
	const longest = time.Minute // nothing is that long in coming
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

// askUpdate sends a message to the element that takes firmware and decodes the
// answer, if there is to be one.
func (s *Service) askUpdate(ctx context.Context, to *requester, target mesh.Address, ask blob.Ask) (access.Message, error) {
	payload, err := access.Append(nil, ask.Message)
	if err != nil {
		return nil, err
	}
	r := node.Request{
		Dst: target, NetKey: to.netKey, Key: transport.Key{App: to.appKey}, TTL: mesh.DefaultTTL, Payload: payload, Respond: ask.Respond,
	}
	if ask.Respond == 0 {
		// A chunk fills the radio for a second. One at a time leaves room for
		// the commands of lamps between its segments.
		select {
		case s.chunks <- struct{}{}:
			defer func() { <-s.chunks }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		r.Attempts = chunkAttempts
	}
	response, err := to.Request(ctx, r)
	if err != nil || ask.Respond == 0 {
		return nil, err
	}
	return s.messages.DecodeParams(response.Opcode, response.Params)
}

// updateMessage takes what the models of an update say, and reports whether it
// was that.
func (s *Service) updateMessage(m *managed, in node.MessageReceived) bool {
	switch in.Opcode {
	case blob.OpPartialBlockReport:
		report := new(blob.PartialBlockReport)
		if m.update != nil && in.Src == m.update.target && access.Decode(in.Params, report) == nil {
			select {
			case <-m.update.reports: // an older one, which nobody has looked at
			default:
			}
			m.update.reports <- report
		}
		return true
	case blob.OpInformationStatus, blob.OpTransferStatus, blob.OpBlockStatus,
		firmware.OpUpdateInformationStatus, firmware.OpUpdateFirmwareMetadataStatus, firmware.OpUpdateStatus,
		firmware.OpDistributionReceiversStatus, firmware.OpDistributionReceiversList, firmware.OpDistributionCapabilitiesStatus,
		firmware.OpDistributionStatus, firmware.OpDistributionUploadStatus, firmware.OpDistributionFirmwareStatus:
		return true // whoever asked for it got it
	}
	return false
}

func (s *Service) updateProgress(m *managed, u *update, stage firmware.Stage, done uint32) {
	if !s.has(m) || m.update != u || !u.running {
		return
	}
	u.stage, u.done = stage, max(u.done, done) // what is sent again is no step back
	s.updateEvent(m, stage, nil)
	s.publishState(m)
}

func (s *Service) updateEnded(m *managed, u *update, updater *firmware.Updater, err error, reply answer) {
	data := m.who()
	data["effect"] = updater.Effect().String()
	if err == nil && updater.Stage() == firmware.StageCancelled {
		err = fail("aborted", "the update of %s was aborted", m.record.Name)
	}
	s.updateOver(m, u, updater.Stage(), updater.Progress(), data, updateFailure(err), reply)
}

// updateOver notes that an update has ended, and tells who has asked for it.
func (s *Service) updateOver(m *managed, u *update, stage firmware.Stage, done uint32, data map[string]any, err error, reply answer) {
	u.running, u.stage, u.done = false, stage, max(u.done, done)
	if !s.has(m) {
		reply(nil, fmt.Errorf("%w during its update: %s", errRemoved, m.record.Name))
		return
	}
	s.updateEvent(m, stage, err)
	s.publishState(m)
	if err == nil && stage == firmware.StageDone && !u.distributes {
		s.log.Info().Str("device", m.record.Name).Msg("the device runs the new firmware")
	}
	reply(data, err)
}

// updateFailure gives the reasons of an update their codes.
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
			return fail(known.code, "%w", err)
		}
	}
	return err
}

func (s *Service) updateEvent(m *managed, stage firmware.Stage, err error) {
	data := map[string]any{"friendly_name": m.record.Name, "uuid": m.record.UUID, "stage": string(stage), "progress": m.update.percent()}
	if err != nil {
		data["code"], data["error"] = codeOf(err), clip(err.Error())
	}
	s.event("device_ota_update", data)
}

// requestUpdateAbort ends an update. Of one that this bridge has not begun, or
// has forgotten, the device is told so all the same.
func (s *Service) requestUpdateAbort(payload []byte, reply answer) {
	m, err := s.requestedDevice(payload)
	if err != nil {
		reply(nil, err)
		return
	}
	target, err := m.updateServer()
	distributor, none := m.distributionServer()
	if err != nil && none != nil {
		reply(m.who(), err)
		return
	}
	if m.update != nil && m.update.running {
		m.update.abort()
		reply(m.who(), nil)
		return
	}
	takes, to := err == nil, s.requester(m)
	s.work(func(ctx context.Context) {
		var err error
		if takes {
			_, err = s.askUpdate(ctx, to, target, blob.Ask{Message: &firmware.UpdateCancel{}, Respond: firmware.OpUpdateStatus})
		}
		if err == nil && none == nil {
			err = s.abortDistributor(ctx, to, distributor)
		}
		s.post(func() { reply(m.who(), err) })
	})
}
