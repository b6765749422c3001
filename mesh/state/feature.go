package state

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// PrivateBeacon is the Mesh Private Beacon state of a node (sections 4.2.44 and
// 4.2.45).
type PrivateBeacon struct {
	Enabled bool
	// Steps is the Random Update Interval Steps state: the random number of the
	// beacons changes every Steps times 10 s; 0 means with each beacon.
	Steps uint8
}

// UpdateInterval is how long beacons keep the same random number, zero for only
// one beacon.
func (b PrivateBeacon) UpdateInterval() time.Duration {
	return time.Duration(b.Steps) * 10 * time.Second
}

// HeartbeatPublication is where and how often a node sends heartbeats (section
// 4.2.18). The number left to send is not stored: after a restart only
// publications without a limit continue.
type HeartbeatPublication struct {
	Destination mesh.Address // Unassigned: none are sent
	CountLog    uint8        // 0x00 none, 0x01 to 0x11 2^(n-1), 0xFF no limit
	PeriodLog   uint8        // 0x00 none, 0x01 to 0x11 2^(n-1) seconds
	TTL         mesh.TTL     // 0 to 127
	Features    uint16       // a change of these features triggers a heartbeat; bits as in composition data
	NetKey      mesh.KeyIndex
}
