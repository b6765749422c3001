package firmware_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

// site is a distributor with the nodes around it, over an air that loses
// messages.
type site struct {
	*servertest.Bench
	distributor *firmware.Distributor
	limits      firmware.DistributorLimits
	nodes       []*node
	random      *rand.Rand
	loss        float64
	chunks      int // sent by the distributor
	uploads     int // chunks it received
}

const group mesh.Address = 0xC010

func newSite(t testing.TB, nodes int) *site {
	s := &site{limits: firmware.DistributorLimits{Receivers: 8, Images: 2, ImageSize: 10000, Space: 12000}, random: rand.New(rand.NewPCG(5, 6))}
	s.distributor = firmware.NewDistributor(s.limits)
	s.Bench = servertest.New(t, s.distributor.Models()...)
	for range nodes {
		s.nodes = append(s.nodes, newNode(t))
	}
	return s
}

func (s *site) lost() bool { return s.random.Float64() < s.loss }

func address(number int) mesh.Address { return 0x0200 + mesh.Address(number) }

// model returns the model of a bench that accepts a message.
func model(b *servertest.Bench, m access.Message) access.Model {
	b.Helper()
	i := slices.IndexFunc(b.Models, func(model access.Model) bool { return slices.Contains(model.Opcodes(), m.Opcode()) })
	if i < 0 {
		b.Fatalf("no model accepts %T", m)
	}
	return b.Models[i]
}

// pass lets time pass for all, and exchanges the messages of the distributor
// and the nodes.
func (s *site) pass(d time.Duration) {
	s.Helper()
	for end := s.Time.Add(d); s.Time.Before(end); {
		s.Pass(100 * time.Millisecond)
		sent := s.Sent
		s.Sent = nil
		for _, m := range sent {
			if m.Message.Opcode() == blob.OpChunkTransfer {
				s.chunks++
			}
			for i, n := range s.nodes {
				if (m.To.Dst == address(i) || m.To.Dst == group) && !n.silent && !s.lost() {
					s.answered(i, n.Send(m.Message))
				}
			}
		}
		for i, n := range s.nodes {
			n.Pass(s.Time.Sub(n.Time))
			said := n.Sent
			n.Sent = nil
			for _, m := range said {
				s.answered(i, m.Message)
			}
		}
	}
}

func (s *site) answered(number int, m access.Message) {
	s.Helper()
	if m != nil && !s.lost() {
		s.To(model(s.Bench, m), address(number), m)
	}
}

// run carries out what an initiator wants until it is done or stop returns
// true.
func (s *site) run(i *firmware.Initiator, stop func() bool) {
	s.Helper()
	for end := s.Time.Add(6 * time.Hour); !i.Done() && (stop == nil || !stop()); {
		if s.Time.After(end) {
			s.Fatalf("the distribution does not end: %s, the distributor is %s", i.Stage(), s.distributor.Phase())
		}
		ask, ok := i.Next(s.Time)
		if !ok {
			s.pass(time.Second)
			continue
		}
		m, err := s.ask(ask)
		i.Answer(s.Time, m, err)
	}
}

func (s *site) ask(ask blob.Ask) (access.Message, error) {
	s.Helper()
	for range 12 {
		s.pass(500 * time.Millisecond)
		if ask.Respond == 0 {
			s.uploads++
		}
		if s.lost() {
			if ask.Respond == 0 {
				return nil, nil
			}
			continue
		}
		m := s.To(model(s.Bench, ask.Message), servertest.Source, ask.Message)
		if ask.Respond == 0 {
			return nil, nil
		}
		if m != nil && !s.lost() {
			return m, nil
		}
	}
	return nil, errSilent
}

// distribution is firmware of 3000 octets for all nodes.
func (s *site) distribution(version byte) firmware.Distribution {
	u := update(version)
	d := firmware.Distribution{
		Object: u.Object, Metadata: u.Metadata, Firmware: u.Firmware, TTL: mesh.DefaultTTL, TimeoutBase: 30, UploadTimeoutBase: 10,
	}
	d.Object.ID = blob.ID(version)
	for i := range s.nodes {
		d.Receivers = append(d.Receivers, firmware.Receiver{Address: address(i)})
	}
	return d
}

func (s *site) updated(data int, version byte) {
	s.Helper()
	for i, n := range s.nodes {
		if !bytes.Equal(n.id.Version, []byte{version}) || len(n.written) != data || bytes.Count(n.written, []byte{0xAB}) != data {
			s.Errorf("node %d runs %x, and has %d octets", i, n.id.Version, len(n.written))
		}
	}
}

func TestDistribution(t *testing.T) {
	for name, c := range map[string]struct {
		mode  blob.Mode
		group mesh.Address
		loss  float64
	}{
		"each separately":   {blob.Push, mesh.Unassigned, 0},
		"in a group":        {blob.Push, group, 0},
		"in a group, loss":  {blob.Push, group, 0.15},
		"pull, loss":        {blob.Pull, mesh.Unassigned, 0.15},
		"pull with a group": {blob.Pull, group, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 4)
			s.loss = c.loss
			d := s.distribution(2)
			d.Mode, d.Group = c.mode, c.group
			i := firmware.NewInitiator(d)
			stages := map[firmware.Stage]bool{}
			s.run(i, func() bool {
				stages[i.Stage()] = true
				return false
			})
			if i.Err() != nil || i.Stage() != firmware.StageDone || i.Progress() != 100 {
				t.Fatalf("%s, %d %%: %v, %+v", i.Stage(), i.Progress(), i.Err(), i.Receivers())
			}
			s.updated(3000, 2)
			if !stages[firmware.StageUploading] || !stages[firmware.StageTransferring] {
				t.Errorf("stages: %v", stages)
			}
			if c.mode == blob.Push && c.group != 0 && c.loss == 0 && s.chunks > 8 {
				t.Errorf("%d chunks to a group", s.chunks)
			}
			// It leaves the distributor unchanged.
			if m, ok := s.Send(&firmware.DistributionCapabilitiesGet{}).(*firmware.DistributionCapabilitiesStatus); !ok || m.RemainingUploadSpace != s.limits.Space || s.distributor.Phase() != firmware.DistributionIdle {
				t.Errorf("afterwards: %+v, %s", m, s.distributor.Phase())
			}
		})
	}
}

// After an interruption in the upload or in the distribution the initiator
// continues; an initiator with other receivers finds the distributor busy.
func TestDistributionGoesOn(t *testing.T) {
	s := newSite(t, 3)
	d := s.distribution(2)
	first := firmware.NewInitiator(d)
	s.run(first, func() bool { return first.Stage() == firmware.StageUploading && first.Progress() > 60 })
	s.pass(time.Minute)
	before := s.uploads
	second := firmware.NewInitiator(d)
	s.run(second, func() bool { return second.Stage() == firmware.StageTransferring })
	if more := s.uploads - before; more == 0 || more > 4 {
		t.Errorf("%d chunks more, after %d: the upload started again", more, before)
	}
	others := s.distribution(3)
	other := firmware.NewInitiator(others)
	if s.run(other, nil); !errors.Is(other.Err(), firmware.ErrBusy) {
		t.Errorf("another distribution: %v", other.Err())
	}
	before = s.uploads
	third := firmware.NewInitiator(d)
	if s.run(third, nil); third.Err() != nil || s.uploads != before {
		t.Errorf("%v, %d chunks more", third.Err(), s.uploads-before)
	}
	s.updated(3000, 2)
}

func TestDistributionIsVerifiedOnly(t *testing.T) {
	s := newSite(t, 2)
	d := s.distribution(2)
	d.VerifyOnly = true
	i := firmware.NewInitiator(d)
	if s.run(i, nil); i.Err() != nil || i.Stage() != firmware.StageVerified {
		t.Fatalf("%s: %v", i.Stage(), i.Err())
	}
	for _, n := range s.nodes {
		if n.server.Phase() != firmware.VerificationSucceeded || n.id.Version[0] != 1 {
			t.Errorf("%s, runs %x", n.server.Phase(), n.id.Version)
		}
	}
	d.VerifyOnly = false
	i = firmware.NewInitiator(d)
	if s.run(i, nil); i.Err() != nil || i.Stage() != firmware.StageDone {
		t.Fatalf("%s: %v", i.Stage(), i.Err())
	}
	s.updated(3000, 2)
}

func TestDistributionIsSuspendedAndCancelled(t *testing.T) {
	for _, to := range []mesh.Address{mesh.Unassigned, group} {
		s := newSite(t, 3)
		d := s.distribution(2)
		d.Group = to
		i := firmware.NewInitiator(d)
		s.run(i, func() bool { return i.Stage() == firmware.StageTransferring && s.chunks > 2 })
		i.Suspend()
		if s.run(i, nil); i.Stage() != firmware.StageSuspended || s.distributor.Phase() != firmware.DistributionSuspended {
			t.Fatalf("%s, %s: %v", i.Stage(), s.distributor.Phase(), i.Err())
		}
		s.pass(time.Hour)
		before := s.chunks
		if s.pass(time.Hour); s.chunks != before {
			t.Errorf("%d chunks while it is suspended", s.chunks-before)
		}
		i = firmware.NewInitiator(d)
		if s.run(i, nil); i.Err() != nil {
			t.Fatal(i.Err())
		}
		s.updated(3000, 2)

		d = s.distribution(3)
		d.Group = to
		for _, suspended := range []bool{false, true} {
			i = firmware.NewInitiator(d)
			s.run(i, func() bool {
				return i.Stage() == firmware.StageTransferring && s.nodes[2].server.Phase() == firmware.TransferActive
			})
			if suspended {
				i.Suspend()
				s.run(i, nil)
				i = firmware.NewInitiator(d)
				s.run(i, func() bool { return i.Stage() == firmware.StageTransferring })
			}
			i.Cancel()
			if s.run(i, nil); i.Stage() != firmware.StageCancelled || i.Err() != nil || s.distributor.Phase() != firmware.DistributionIdle {
				t.Fatalf("%s, %s: %v", i.Stage(), s.distributor.Phase(), i.Err())
			}
			for number, n := range s.nodes {
				if n.server.Phase() != firmware.Idle {
					t.Errorf("node %d is %s", number, n.server.Phase())
				}
			}
		}
		s.updated(3000, 2)
	}
}

func TestUploadIsCancelled(t *testing.T) {
	s := newSite(t, 1)
	i := firmware.NewInitiator(s.distribution(2))
	s.run(i, func() bool { return i.Stage() == firmware.StageUploading && i.Progress() > 0 })
	other := firmware.NewInitiator(s.distribution(3))
	if s.run(other, nil); !errors.Is(other.Err(), firmware.ErrBusy) {
		t.Errorf("another upload: %v", other.Err())
	}
	i.Cancel()
	if s.run(i, nil); i.Stage() != firmware.StageCancelled || i.Err() != nil {
		t.Errorf("%s: %v", i.Stage(), i.Err())
	}
	if m, ok := s.Send(&firmware.DistributionUploadGet{}).(*firmware.DistributionUploadStatus); !ok || m.Phase != firmware.UploadIdle {
		t.Errorf("%+v", m)
	}
	untouched := firmware.NewInitiator(s.distribution(2))
	untouched.Cancel()
	if s.run(untouched, nil); untouched.Stage() != firmware.StageCancelled {
		t.Errorf("before anything was sent: %s", untouched.Stage())
	}
}

// Some nodes fail, each in its own way; the others run the firmware.
func TestDistributionToNodesThatFail(t *testing.T) {
	for _, to := range []mesh.Address{mesh.Unassigned, group} {
		s := newSite(t, 5)
		s.nodes[0].broken = true
		s.nodes[1].silent = true
		s.nodes[2].stuck = true
		s.nodes[3].id.Version = []byte{2} // it already runs that
		d := s.distribution(2)
		d.Group = to
		i := firmware.NewInitiator(d)
		if s.run(i, nil); !errors.Is(i.Err(), firmware.ErrReceivers) {
			t.Errorf("%v", i.Err())
		}
		want := []firmware.RetrievedPhase{
			firmware.RetrievedPhase(firmware.VerificationFailed), firmware.PhaseUnknown, firmware.ApplyFailed, firmware.ApplySuccess, firmware.ApplySuccess,
		}
		for n, e := range i.Receivers() {
			if e.Phase != want[n] || e.Address != address(n) {
				t.Errorf("node %d: %s, want %s", n, e.Phase, want[n])
			}
		}
		// The firmware stays for the next attempt.
		if m, ok := s.Send(&firmware.DistributionFirmwareGet{FirmwareID: d.Firmware}).(*firmware.DistributionFirmwareStatus); !ok || m.Status != firmware.DistributionSuccess {
			t.Errorf("%+v", m)
		}
		before := s.uploads
		s.nodes[0].broken, s.nodes[1].silent, s.nodes[2].stuck = false, false, false
		i = firmware.NewInitiator(d)
		if s.run(i, nil); i.Err() != nil || s.uploads != before {
			t.Errorf("the second time: %v, %d chunks", i.Err(), s.uploads-before)
		}
		// All of them.
		for _, n := range s.nodes {
			n.silent = true
		}
		i = firmware.NewInitiator(s.distribution(3))
		if s.run(i, nil); !errors.Is(i.Err(), firmware.ErrReceivers) || s.distributor.Phase() != firmware.DistributionIdle {
			t.Errorf("no node answers: %v", i.Err())
		}
	}
}

func TestDistributionThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *site, d *firmware.Distribution)
		want   error
	}{
		"too large": {func(_ *site, d *firmware.Distribution) { d.Object.Size = 10001 }, firmware.ErrNoRoom},
		"too many receivers": {func(_ *site, d *firmware.Distribution) {
			for n := range 9 {
				d.Receivers = append(d.Receivers, firmware.Receiver{Address: address(n)})
			}
		}, firmware.ErrTooMany},
		"no receivers": {func(_ *site, d *firmware.Distribution) { d.Receivers = nil }, firmware.ErrTooMany},
		"URI":          {func(_ *site, d *firmware.Distribution) { d.URI = "https://example.org" }, firmware.ErrNoFetch},
		"silent":       {func(s *site, _ *firmware.Distribution) { s.loss = 1 }, firmware.ErrSilent},
		"full": {func(s *site, _ *firmware.Distribution) {
			for v := byte(8); v < 10; v++ {
				d := s.distribution(v)
				d.VerifyOnly = true
				i := firmware.NewInitiator(d)
				s.run(i, nil)
				s.Send(&firmware.DistributionCancel{})
				s.pass(time.Minute)
			}
		}, firmware.ErrNoRoom},
		"object": {func(_ *site, d *firmware.Distribution) { d.Object.Data = bytes.NewReader(nil) }, firmware.ErrUpload},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			d := s.distribution(2)
			c.change(s, &d)
			i := firmware.NewInitiator(d)
			if s.run(i, nil); !errors.Is(i.Err(), c.want) || i.Stage() != firmware.StageFailed {
				t.Errorf("%s: %v", i.Stage(), i.Err())
			}
		})
	}
}

// The answers of the distributor in each phase.
func TestDistributorPhases(t *testing.T) {
	s := newSite(t, 1)
	start := &firmware.DistributionStart{TTL: mesh.DefaultTTL, Mode: blob.Push}
	receivers := func(n int) *firmware.DistributionReceiversAdd {
		m := &firmware.DistributionReceiversAdd{}
		for i := range n {
			m.Receivers = append(m.Receivers, firmware.Receiver{Address: address(i)})
		}
		return m
	}
	upload := func(size uint32, version ...byte) *firmware.DistributionUploadStart {
		return &firmware.DistributionUploadStart{TTL: mesh.DefaultTTL, BLOBID: 1, FirmwareSize: size, FirmwareID: firmware.ID{Version: version}}
	}
	for number, c := range []struct {
		send access.Message
		want firmware.DistributionStatusCode
	}{
		{start, firmware.DistributionNoReceivers},
		{receivers(9), firmware.DistributionNoResources},
		{receivers(8), firmware.DistributionSuccess},
		{receivers(8), firmware.DistributionSuccess}, // the same ones
		{&firmware.DistributionReceiversDeleteAll{}, firmware.DistributionSuccess},
		{receivers(1), firmware.DistributionSuccess},
		{start, firmware.DistributionFirmwareNotFound},
		{&firmware.DistributionSuspend{}, firmware.DistributionWrongPhase},
		{&firmware.DistributionApply{}, firmware.DistributionWrongPhase},
		{&firmware.DistributionCancel{}, firmware.DistributionSuccess},
		{&firmware.DistributionUploadOOBStart{URI: "x"}, firmware.DistributionURINotSupported},
		{upload(10001, 1), firmware.DistributionNoResources},
		{upload(0, 1), firmware.DistributionNoResources},
		{upload(5, 1), firmware.DistributionSuccess},
		{upload(5, 1), firmware.DistributionSuccess},
		{upload(6, 1), firmware.DistributionBusyWithUpload},
		{&firmware.DistributionUploadOOBStart{URI: "x"}, firmware.DistributionBusyWithUpload},
		{&firmware.DistributionUploadCancel{}, firmware.DistributionSuccess},
		{&firmware.DistributionFirmwareGet{FirmwareID: firmware.ID{Version: []byte{1}}}, firmware.DistributionFirmwareNotFound},
		{&firmware.DistributionFirmwareGetByIndex{}, firmware.DistributionFirmwareNotFound},
		{&firmware.DistributionFirmwareDelete{}, firmware.DistributionSuccess},
		{&firmware.DistributionFirmwareDeleteAll{}, firmware.DistributionSuccess},
	} {
		if got := code(s, s.Send(c.send)); got != c.want {
			t.Errorf("step %d: %T %s, want %s", number, c.send, got, c.want)
		}
	}
	d := s.distribution(2)
	d.VerifyOnly = true
	i := firmware.NewInitiator(d)
	s.run(i, func() bool { return s.distributor.Phase() == firmware.DistributionActive })
	same := &firmware.DistributionStart{TTL: mesh.DefaultTTL, Mode: blob.Push, TimeoutBase: 30}
	for number, c := range []struct {
		send access.Message
		want firmware.DistributionStatusCode
	}{
		{receivers(1), firmware.DistributionBusy},
		{&firmware.DistributionReceiversDeleteAll{}, firmware.DistributionBusy},
		{start, firmware.DistributionBusy},
		{same, firmware.DistributionSuccess},
		{&firmware.DistributionStart{TTL: mesh.DefaultTTL, Mode: blob.Push, HasLabel: true, Label: mesh.UUID{1}}, firmware.DistributionInternalError},
		{&firmware.DistributionApply{}, firmware.DistributionWrongPhase},
		{&firmware.DistributionFirmwareDelete{FirmwareID: d.Firmware}, firmware.DistributionBusy},
		{&firmware.DistributionFirmwareDeleteAll{}, firmware.DistributionBusy},
		{&firmware.DistributionFirmwareGetByIndex{}, firmware.DistributionSuccess},
		{&firmware.DistributionSuspend{}, firmware.DistributionSuccess},
		{&firmware.DistributionSuspend{}, firmware.DistributionSuccess},
		{start, firmware.DistributionBusy},
		{same, firmware.DistributionSuccess},
	} {
		if got := code(s, s.Send(c.send)); got != c.want {
			t.Errorf("step %d of a distribution: %T %s, want %s", number, c.send, got, c.want)
		}
	}
	if s.run(i, nil); i.Err() != nil || s.distributor.Phase() != firmware.DistributionTransferred {
		t.Errorf("%s: %v", s.distributor.Phase(), i.Err())
	}
}

// code is the status of an answer.
func code(s *site, m access.Message) firmware.DistributionStatusCode {
	s.Helper()
	switch m := m.(type) {
	case *firmware.DistributionStatus:
		return m.Status
	case *firmware.DistributionReceiversStatus:
		return m.Status
	case *firmware.DistributionUploadStatus:
		return m.Status
	case *firmware.DistributionFirmwareStatus:
		return m.Status
	}
	s.Fatalf("%T is not a status", m)
	return 0
}
