package part

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Counters counts what the node dropped and did since it was made.
type Counters struct {
	Malformed      uint64 // PDUs of no known form
	ForeignBeacons uint64 // of other networks, or forged
	IVIgnored      uint64 // beacons with an IV index or a state that was not believed
	Unheard        uint64 // unprovisioned devices that were too many to remember
	Relayed        uint64
	Bridged        uint64 // passed on to another subnet
	Unsent         uint64 // messages that could not be sealed
	NoSequence     uint64 // messages not sent for want of sequence numbers
	OwnAddress     uint64 // PDUs of this node's address that it has not sent
	Network        network.Counters
	Transport      transport.Counters
	Friend         friend.Counters
	GATT           GATTCounters
}

// GATTCounters counts what a node did over connections.
type GATTCounters struct {
	Sighted       uint64 // proxies and unprovisioned devices
	Solicited     uint64 // solicitations sent
	Faults        uint64 // PDUs that made no sense where they came
	Cut           uint64 // connections ended for too many of them
	Received      uint64 // messages
	Sent          uint64 // messages
	Replayed      uint64 // proxy configuration messages and solicitations that are not new
	ClientRefused uint64 // clients and provisioners that there was no room for
	ClientEvicted uint64 // clients that did not prove in time, or when others came, that they have a key
	Incomplete    uint64 // messages whose last segment did not come
	Late          uint64 // Proxy PDUs for a connection that has ended
	Reassembly    proxy.ReassemblyCounters
	Client        proxy.ClientCounters
}
