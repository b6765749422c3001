// Package bridge joins a mesh network and an MQTT broker. What nodes report
// becomes state in topics; what is written to command topics becomes messages to
// nodes; requests manage the network.
//
//	                 ┌──────────────── Service ────────────────┐
//	node.Event   ───▶│ loop ─▶ part ─▶ part ─▶ part ─▶ ...     │──▶ mqtt.Session
//	mqtt.Message ───▶│           │                             │    B/NAME, B/bridge/...
//	                 │           ├─▶ worker ─▶ node.Request    │──▶ node.Node
//	                 │           └─▶ writer ─▶ store.Apply     │──▶ store.Store
//	                 └─────────────────────────────────────────┘
//
// The Service is made with New, fed by Report (events of the node) and Handle
// (messages of the broker), and runs in Run.
//
// # The loop
//
// One goroutine, the loop, owns everything that the bridge knows. It never waits: a
// message to a node, a provisioning, a file and a write to the store run outside, and
// their results come back as inputs. So a slow disk or broker does not delay anything
// else. Report never waits either. When the bridge is busy, messages and beacons are
// dropped and counted (events_dropped in bridge/health), while events that change what
// the bridge must know are kept. A response to a request is published when everything
// that the request has changed is in the store.
//
// # Parts
//
// Each concern is a part, a package below bridge/internal that can be read and tested
// on its own. All parts implement one interface, part.Part: requests that it answers,
// events and messages that it takes, time, devices that come and go, start and stop.
// They see the bridge through part.Host, and each other only through small interfaces
// that the using part declares. The table of parts is in parts.go.
//
//	records        adopt, rename and forget devices     device/rename
//	availability   which devices can be reached
//	devicestate    what devices reported, discovery
//	command        B/NAME/set and B/NAME/get
//	interview      composition data, configuration      device/interview
//	provisioning   new devices and their OOB            device/provision, oob, ...
//	unprovisioned  devices that can be provisioned      scan
//	noderefresh    new device key, address, composition device/refresh
//	removal        devices that leave                   device/remove
//	keyrefresh     Key Refresh procedure                network/key_refresh
//	ivupdate       IV Update procedure                  network/iv_update
//	subnet         subnets and AppKeys                  subnet/add, appkey/add, ...
//	update         firmware                             device/ota_update/...
//	heartbeat      heartbeats                           heartbeat/set
//	friendship     low power nodes
//	meshsend       any access message                   mesh/send
//	backup         export and backup                    network/export, network/backup
//	events         the bridge's own node on bridge/event
//	lists          bridge/info, devices, unprovisioned, health
//
// To add a part, write a type that embeds part.None and implements the methods that it
// needs, and add one line to the table in newParts. addition_test.go adds one in this
// way. Package parttest runs a part on its own, for its tests.
//
// # The log
//
// The log has the same words for the same things everywhere: device (friendly name),
// uuid, src, dst (addresses), element (index), opcode, access_message (its name in the
// specification), fields or hex, topic, adapter. Level info has what changes the
// network and what goes wrong, level debug every message. Keys are in none.
package bridge
