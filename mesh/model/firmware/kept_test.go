package firmware_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

// restart makes the distributor of a site again, from the stored state of its
// models.
func (s *site) restart() {
	s.Helper()
	before := s.Models
	s.distributor = firmware.NewDistributor(s.limits)
	now := s.Time
	s.Bench = servertest.New(s.TB, s.distributor.Models()...)
	s.Time = now
	for i, m := range s.Models {
		if p, ok := m.(access.Persistent); ok {
			if err := p.Restore(bytes.Clone(before[i].(access.Persistent).State())); err != nil {
				s.Fatal(err)
			}
		}
	}
}

// A distributor that is restarted in any phase continues, and a watching
// initiator does not notice.
func TestDistributorIsRestarted(t *testing.T) {
	for _, phase := range []firmware.DistributionPhase{
		firmware.DistributionActive, firmware.DistributionTransferred, firmware.DistributionApplying, firmware.DistributionCompleted,
	} {
		s := newSite(t, 3)
		d := s.distribution(2)
		d.Group, d.VerifyOnly = group, phase == firmware.DistributionTransferred
		i := firmware.NewInitiator(d)
		s.run(i, func() bool { return s.distributor.Phase() == phase })
		s.restart()
		if d.VerifyOnly {
			s.run(i, nil)
			d.VerifyOnly = false
			i = firmware.NewInitiator(d)
		}
		if s.run(i, nil); i.Err() != nil || i.Stage() != firmware.StageDone {
			t.Fatalf("%s: %s, %v", phase, i.Stage(), i.Err())
		}
		s.updated(3000, 2)
	}
	for _, phase := range []firmware.DistributionPhase{firmware.DistributionSuspended, firmware.DistributionCanceling} {
		s := newSite(t, 2)
		i := firmware.NewInitiator(s.distribution(2))
		s.run(i, func() bool { return s.chunks > 2 })
		want := firmware.StageSuspended
		if phase == firmware.DistributionSuspended {
			i.Suspend()
		} else {
			want = firmware.StageCancelled
			i.Cancel()
		}
		s.run(i, func() bool { return s.distributor.Phase() == phase })
		s.restart()
		if s.run(i, nil); i.Err() != nil || i.Stage() != want {
			t.Fatalf("%s: %s, %v", phase, i.Stage(), i.Err())
		}
		i = firmware.NewInitiator(s.distribution(2))
		if s.run(i, nil); i.Err() != nil || i.Stage() != firmware.StageDone {
			t.Fatalf("%s, afterwards: %s, %v", phase, i.Stage(), i.Err())
		}
		s.updated(3000, 2)
	}
}

// Any stored state leads to an error or a working state.
func FuzzRestore(f *testing.F) {
	s := newSite(f, 1)
	d := s.distribution(2)
	d.VerifyOnly = true
	i := firmware.NewInitiator(d)
	s.run(i, nil)
	for _, b := range []*servertest.Bench{s.Bench, s.nodes[0].Bench} {
		for _, m := range b.Models {
			if p, ok := m.(access.Persistent); ok {
				f.Add(p.State())
			}
		}
	}
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, state []byte) {
		s := newSite(t, 1)
		for _, b := range []*servertest.Bench{s.Bench, s.nodes[0].Bench} {
			for _, m := range b.Models {
				p, ok := m.(access.Persistent)
				if !ok || p.Restore(state) != nil {
					continue
				}
				again := bytes.Clone(p.State())
				if err := p.Restore(again); err != nil {
					t.Errorf("%x was accepted, and became %x: %v", state, again, err)
				}
			}
		}
		for range 3 {
			s.pass(time.Second)
			s.Send(&firmware.DistributionGet{})
			s.Send(&firmware.DistributionReceiversGet{EntriesLimit: 9})
			s.nodes[0].Send(&firmware.UpdateGet{})
			s.nodes[0].Send(&blob.BlockStart{ChunkSize: 9})
		}
	})
}

// State stored with other limits is rejected with an explanation.
func TestKeptUnderOtherLimits(t *testing.T) {
	s := newSite(t, 3)
	i := firmware.NewInitiator(s.distribution(2))
	s.run(i, func() bool { return s.distributor.Phase() == firmware.DistributionActive })
	small := firmware.NewDistributor(firmware.DistributorLimits{Receivers: 2, Images: 1, ImageSize: 10000, Space: 10000})
	models := small.Models()
	kept := s.Models[len(s.Models)-1].(access.Persistent).State()
	if err := models[len(models)-1].(access.Persistent).Restore(kept); err == nil {
		t.Error("three receivers with room for two")
	}
	if err := models[len(models)-1].(access.Persistent).Restore(kept[:9]); !errors.Is(err, access.ErrTruncated) {
		t.Errorf("cut off: %v", err)
	}
}
