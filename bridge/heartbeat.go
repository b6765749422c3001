package bridge

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
)

// heartbeatDocument is what bridge/health shows of a device that sends
// heartbeats.
type heartbeatDocument struct {
	Hops     uint8     `json:"hops"` // of the last, 1 for a neighbour
	MinHops  uint8     `json:"min_hops"`
	MaxHops  uint8     `json:"max_hops"`
	Count    uint64    `json:"count"`
	RSSI     int8      `json:"rssi"` // of the last hop
	LastSeen time.Time `json:"last_seen"`
	Features []string  `json:"features"` // in use
}

// beaten notes a heartbeat. It is a sign of life.
func (s *Service) beaten(in node.HeartbeatReceived) {
	u, known := s.unit[in.Src]
	if !known {
		return
	}
	now := time.Now()
	b := u.heartbeat
	if b == nil {
		b = &heartbeatDocument{MinHops: in.Hops}
		u.heartbeat = b
	}
	b.Hops, b.MinHops, b.MaxHops = in.Hops, min(b.MinHops, in.Hops), max(b.MaxHops, in.Hops)
	b.Count++
	b.RSSI, b.LastSeen = in.RSSI, now.UTC().Truncate(time.Second)
	b.Features = featureNames(configuration.Features(in.Features))
	u.heard(now)
	s.setOnline(u.managed, true)
}

func featureNames(f configuration.Features) []string {
	names := []string{}
	for _, n := range []struct {
		feature configuration.Features
		name    string
	}{
		{configuration.FeatureRelay, "relay"},
		{configuration.FeatureProxy, "proxy"},
		{configuration.FeatureFriend, "friend"},
		{configuration.FeatureLowPower, "lpn"},
	} {
		if f&n.feature != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// heartbeats are the devices that send them, by name; nil for none.
func (s *Service) heartbeats() map[string]*heartbeatDocument {
	var all map[string]*heartbeatDocument
	for _, m := range s.devices {
		if m.heartbeat == nil {
			continue
		}
		if all == nil {
			all = map[string]*heartbeatDocument{}
		}
		all[m.record.Name] = m.heartbeat
	}
	return all
}

// requestHeartbeat lets a device send heartbeats to the bridge; a period of 0
// ends that.
func (s *Service) requestHeartbeat(payload []byte, reply answer) {
	const longest, standard = 65536.0, 64.0
	in := struct {
		common
		ID     string  `json:"id"`
		Period float64 `json:"period"` // seconds
		TTL    int     `json:"ttl"`
	}{Period: standard, TTL: int(mesh.MaxTTL)}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	m, err := s.named("id", in.ID)
	switch {
	case err != nil:
	case in.Period < 0 || in.Period > longest:
		err = fail("bad_value", "period: expected 0 to %g seconds, got %g", longest, in.Period)
	case in.TTL < 0 || in.TTL > int(mesh.MaxTTL):
		err = fail("bad_value", "ttl: expected 0 to %d, got %d", mesh.MaxTTL, in.TTL)
	default:
		err = s.idle(m)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	period := time.Duration(in.Period * float64(time.Second))
	peer, to := m.peer(), s.requester(m)
	s.work(func(ctx context.Context) {
		took, err := commission.SetHeartbeat(ctx, to, peer, s.cfg.Address, period, mesh.TTL(in.TTL))
		s.post(func() {
			if err == nil && took == 0 {
				m.heartbeat = nil
				s.lists["health"] = true
			}
			reply(map[string]any{"id": m.record.Name, "period": took.Seconds(), "ttl": in.TTL}, err)
		})
	})
}
