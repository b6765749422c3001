package bridge

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// This file removes devices together with the keys that they have. What is to be
// done is stored before it is begun, so that a crash does not leave a device
// outside that can still read the network.

// removal is how a device is removed.
type removal struct {
	Force      bool            `json:"force"`
	KeyRefresh bool            `json:"key_refresh"`
	NetKeys    []mesh.KeyIndex `json:"net_keys"` // that the device has
}

// noteRemoval stores that a device is being removed with a key refresh: after a
// crash that is gone on with.
func (s *Service) noteRemoval(m *managed, how removal) error {
	if !how.KeyRefresh {
		return nil
	}
	how.NetKeys = append([]mesh.KeyIndex{m.record.NetKey}, m.record.NetKeys...)
	s.rekeying.removals[m.record.UUID] = how
	err := s.keepRekeying()
	if err != nil {
		delete(s.rekeying.removals, m.record.UUID)
	}
	return err
}

// endRemoval forgets a removal that was not done.
func (s *Service) endRemoval(m *managed, stopped bool) {
	if _, ok := s.rekeying.removals[m.record.UUID]; !ok || stopped {
		return
	}
	delete(s.rekeying.removals, m.record.UUID)
	if err := s.keepRekeying(); err != nil {
		s.complain("the end of a removal could not be stored: %v", err)
	}
}

// refreshWithout refreshes the keys that a removed device has. It says whether
// that has begun or waits for another refresh.
func (s *Service) refreshWithout(m *managed) string {
	s.queueWithout(m.record.UUID, append([]mesh.KeyIndex{m.record.NetKey}, m.record.NetKeys...))
	if s.rekeying.refresh != nil {
		return "queued"
	}
	s.nextRefresh(nil)
	return "begun"
}

// queueWithout queues the refreshes that exclude a device, and ends its removal
// with the same step.
func (s *Service) queueWithout(uuid mesh.UUID, subnets []mesh.KeyIndex) {
	k := &s.rekeying
	for _, index := range subnets {
		if r := k.refresh; r != nil && r.NetKey() == index && r.Exclude(uuid) {
			continue // the one that runs does without it
		}
		at := slices.IndexFunc(k.queue, func(j rekeyJob) bool { return j.NetKey == index })
		if at < 0 || at == 0 && k.busy {
			k.queue = append(k.queue, rekeyJob{NetKey: index})
			at = len(k.queue) - 1
		}
		k.queue[at].Exclude = append(k.queue[at].Exclude, uuid)
	}
	delete(k.removals, uuid)
	if err := s.keepRekeying(); err != nil {
		s.complain("a key refresh could not be stored: %v", err)
	}
}
