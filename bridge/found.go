package bridge

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// foundDevice is an unprovisioned device that was heard.
type foundDevice struct {
	UUID      mesh.UUID `json:"uuid"`
	Bearers   []string  `json:"bearers"`
	RSSI      int8      `json:"rssi"`
	OOB       uint16    `json:"oob_info"`
	Adapter   string    `json:"adapter"` // as configured
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Via       []reach   `json:"via,omitempty"` // devices that hear it

	keptUntil time.Time // although it is not heard again, for servers report once
}

// heard notes an unprovisioned device. Anybody can send beacons, so their
// number is bounded.
func (s *Service) heard(e node.DeviceHeard) {
	if e.Via != mesh.Unassigned {
		s.heardVia(e)
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	f := s.found[e.UUID]
	if f == nil {
		const most = 256
		if _, joining := s.provisioning[e.UUID]; joining || len(s.found) >= most {
			return
		}
		f = &foundDevice{UUID: e.UUID, FirstSeen: now}
		s.found[e.UUID] = f
		s.lists["unprovisioned"] = true
		s.debugHeard(e)
		if time.Now().Before(s.scanUntil) {
			s.event("device_found", map[string]any{"uuid": e.UUID, "rssi": e.RSSI, "oob_info": e.OOB})
		}
		if m := s.devices[e.UUID]; m != nil {
			s.log.Warn().Str("device", m.record.Name).Msg("the device has left the network by itself: it waits to be provisioned again")
		}
	}
	f.RSSI, f.OOB, f.Adapter, f.LastSeen = e.RSSI, e.OOB, s.adapterID(e.Adapter), now
	if name := bearerName(e.Bearer); !slices.Contains(f.Bearers, name) {
		f.Bearers = append(f.Bearers, name)
		slices.Sort(f.Bearers)
		s.lists["unprovisioned"] = true
	}
}

// bearerName is what a provisioning bearer is called in topics.
func bearerName(b provision.Bearer) string { return strings.ToLower(b.String()) }

// bearerChoices are the bearers that a device can be provisioned over, by their
// names in requests.
func bearerChoices() map[string]node.BearerChoice {
	return map[string]node.BearerChoice{
		"": node.AnyBearer, "auto": node.AnyBearer,
		bearerName(provision.PBADV):  node.OnlyPBADV,
		bearerName(provision.PBGATT): node.OnlyPBGATT,
	}
}

// adapterID is what an adapter is called in bridge/info; it is its number when
// there is none of that number any more.
func (s *Service) adapterID(number uint8) string {
	if all := s.cfg.Adapters(); int(number) < len(all) {
		return all[number].ID
	}
	return strconv.Itoa(int(number))
}

// expireFound drops unprovisioned devices that are silent.
func (s *Service) expireFound() {
	const silence = time.Minute
	for uuid, f := range s.found {
		if time.Since(f.LastSeen) > silence && time.Now().After(f.keptUntil) {
			delete(s.found, uuid)
			s.lists["unprovisioned"] = true
		}
	}
}
