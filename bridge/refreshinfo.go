package bridge

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// refreshInfo is a key refresh as bridge/info shows it.
type refreshInfo struct {
	NetKey     mesh.KeyIndex `json:"net_key"`
	Phase      string        `json:"phase"`
	Through    int           `json:"through"`
	Missing    []string      `json:"missing"`     // devices that the phase waits for
	LeftBehind []string      `json:"left_behind"` // that get no new keys any more
	Excluded   int           `json:"excluded"`
	Waited     int           `json:"waited_s"` // in this phase
	Queued     int           `json:"queued"`   // refreshes that wait for this one
}

// refreshStatus describes the refresh that runs; nil for none.
func (s *Service) refreshStatus() *refreshInfo {
	if s.rekeying.refresh == nil {
		return nil
	}
	status := s.rekeying.refresh.Status()
	info := &refreshInfo{
		NetKey: status.NetKey, Phase: status.Phase.String(), Through: len(status.Through),
		Missing: []string{}, LeftBehind: []string{}, Excluded: len(status.Excluded),
		Waited: int(status.Waited / time.Second), Queued: len(s.rekeying.queue),
	}
	name := func(uuid mesh.UUID) string {
		if m := s.devices[uuid]; m != nil {
			return m.record.Name
		}
		return uuid.String()
	}
	for uuid := range status.Missing {
		info.Missing = append(info.Missing, name(uuid))
	}
	for _, uuid := range status.LeftBehind {
		info.LeftBehind = append(info.LeftBehind, name(uuid))
	}
	slices.Sort(info.Missing)
	slices.Sort(info.LeftBehind)
	return info
}
