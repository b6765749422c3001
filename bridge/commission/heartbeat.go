package commission

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// SetHeartbeat makes a node send heartbeats to the bridge until further notice, or
// none when period is zero. It returns the period that the node uses, a power of two
// in seconds (section 4.3.2.61).
func SetHeartbeat(ctx context.Context, r Requester, peer state.Peer, bridge mesh.Address, period time.Duration, ttl mesh.TTL) (time.Duration, error) {
	const endless = 0xFF
	set := &configuration.HeartbeatPublicationSet{NetKeyIndex: peer.NetKey}
	if period > 0 {
		set.Destination, set.CountLog, set.PeriodLog, set.TTL = bridge, endless, heartbeat.PeriodLog(period), ttl
		set.Features = configuration.FeatureRelay | configuration.FeatureProxy | configuration.FeatureFriend | configuration.FeatureLowPower
	}
	status, err := ask(ctx, r, server(peer), set, func(s *configuration.HeartbeatPublicationStatus) bool {
		return s.Destination == set.Destination
	})
	if err != nil {
		return 0, err
	}
	return heartbeat.Period(status.PeriodLog), status.Status.Err()
}
