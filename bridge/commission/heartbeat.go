package commission

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// SetHeartbeat makes a node send heartbeats to the bridge until further notice, or
// none when period is zero. It returns the period that the node uses, a power of two
// in seconds (section 4.3.2.61).
func SetHeartbeat(ctx context.Context, r Requester, peer state.Peer, bridge mesh.Address, period time.Duration, ttl mesh.TTL) (time.Duration, error) {
	const endless = 0xFF
	set := &foundation.ConfigHeartbeatPublicationSet{NetKeyIndex: peer.NetKey}
	if period > 0 {
		set.Destination, set.CountLog, set.PeriodLog, set.TTL = bridge, endless, heartbeat.PeriodLog(period), ttl
		set.Features = foundation.FeatureRelay | foundation.FeatureProxy | foundation.FeatureFriend | foundation.FeatureLowPower
	}
	status, err := ask(ctx, r, server(peer), set, func(s *foundation.ConfigHeartbeatPublicationStatus) bool {
		return s.Destination == set.Destination
	})
	if err != nil {
		return 0, err
	}
	return heartbeat.Period(status.PeriodLog), status.Status.Err()
}
