package node

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is what the owner of a node asks of its parts. Each call is an input.

// Request queues an access message. Its end is reported as RequestDone: an
// unacknowledged message ends when it was sent, an acknowledged one with its
// response or with ErrNoResponse. There is one request at a time for a
// destination, in the order of the calls.
func (c *Core) Request(now time.Time, r Request) (id RequestID, err error) {
	c.do(now, func() { id, err = c.parts.requests.Add(r) })
	return id, err
}

// CancelRequest ends a request that nobody waits for any more.
func (c *Core) CancelRequest(now time.Time, id RequestID) {
	c.do(now, func() { c.parts.requests.Cancel(id) })
}

// Provision begins to provision a device (chapter 5). Its steps and its end are
// reported as events.
func (c *Core) Provision(now time.Time, p Provision) (err error) {
	c.do(now, func() { err = c.parts.provisioner.Begin(p) })
	return err
}

// AbortProvisioning ends the provisioning of a device. It reports false when none
// runs.
func (c *Core) AbortProvisioning(now time.Time, uuid mesh.UUID, reason string) (found bool) {
	c.do(now, func() { found = c.parts.provisioner.Abort(uuid, reason) })
	return found
}

// ProvisioningInput takes the value that was wanted with the step oob_wanted: by a
// session with the device, or by this node as the device. It returns
// ErrNoProvisioning when no provisioning of the device runs,
// provision.ErrNotAwaited when it waits for no value, and an error that wraps
// provision.ErrValue for what cannot be one; then another can be given.
func (c *Core) ProvisioningInput(now time.Time, uuid mesh.UUID, value string) (err error) {
	c.do(now, func() {
		var found bool
		if found, err = c.parts.device.Value(uuid, value); found {
			return
		}
		if found, err = c.parts.provisioner.Value(uuid, value); !found {
			err = ErrNoProvisioning
		}
	})
	return err
}

// Refresh begins to renew something on a node (section 3.11.8). Its end is reported
// as RefreshDone.
func (c *Core) Refresh(now time.Time, r Refresh) (err error) {
	c.do(now, func() { err = c.parts.remoteClient.Refresh(r) })
	return err
}

// Peers lists the nodes that this node has provisioned, by address.
func (c *Core) Peers() []state.Peer { return c.parts.peers.List() }

// Exclusions lists the addresses that cannot be given out yet, by address.
func (c *Core) Exclusions() []Exclusion { return c.parts.peers.Exclusions() }

// Forget drops a node that has left the network. Its addresses are excluded for a
// time.
func (c *Core) Forget(now time.Time, uuid mesh.UUID) {
	c.do(now, func() {
		if address, known := c.parts.peers.Remove(uuid); known {
			c.parts.friendships.Friend.Drop(address)
		}
	})
}

// Shrink gives the addresses of a node back that it does not use: it keeps those of so
// many elements from its first address on. The caller has made sure that the node does
// not answer at the others.
func (c *Core) Shrink(now time.Time, uuid mesh.UUID, elements int) (err error) {
	c.do(now, func() { err = c.parts.peers.Shrink(uuid, elements) })
	return err
}

// BeginIVUpdate takes the network to the next IV index: from normal operation to IV
// Update in Progress. It needs 96 hours of normal operation before, or the test
// mode. A node whose sequence numbers run low begins by itself.
func (c *Core) BeginIVUpdate(now time.Time) (err error) {
	c.do(now, func() { err = c.parts.ivUpdate.Begin() })
	return err
}

// EndIVUpdate takes the node back to normal operation. It needs 96 hours of IV
// Update in Progress before, or the test mode; after that time a node does it by
// itself. The change waits for segmented messages that are on their way.
func (c *Core) EndIVUpdate(now time.Time) (err error) {
	c.do(now, func() { err = c.parts.ivUpdate.End() })
	return err
}

// NotFollowed returns those of some nodes that have not shown yet that they follow the
// IV Update in progress, and asks them; it is to be called again after some seconds.
// It returns ErrIVNormal when no update is in progress.
func (c *Core) NotFollowed(now time.Time, nodes []mesh.Address) (missing []mesh.Address, err error) {
	c.do(now, func() { missing, err = c.parts.followers.Missing(nodes) })
	return missing, err
}

// SetIVTestMode turns the test mode of the IV Update procedure on or off (section
// 3.11.5.1): without its time limits, for single steps. It ends with the program.
func (c *Core) SetIVTestMode(now time.Time, on bool) {
	c.do(now, func() { c.parts.ivUpdate.SetTestMode(on) })
}

// LeaveFriend ends the friendship of a Low Power node, which then listens all the
// time.
func (c *Core) LeaveFriend(now time.Time) { c.do(now, c.parts.friendships.LowPower.Leave) }

// PollTimeout is after what time without a Poll this node ends its friendship with
// the Low Power node that has this address; zero when it has none.
func (c *Core) PollTimeout(a mesh.Address) time.Duration {
	return c.parts.friendships.Friend.PollTimeout(a)
}

// Friendships lists the Low Power nodes that this node is the friend of.
func (c *Core) Friendships() []friend.Status { return c.parts.friendships.Friend.Status() }

// Proxies lists the proxies that this node uses, or has tried to use.
func (c *Core) Proxies() []proxy.Status { return c.parts.gatt.Client.Status() }

// NodeIdentity is the Node Identity state of a subnet (section 4.2.13).
func (c *Core) NodeIdentity(index mesh.KeyIndex) state.Feature {
	return c.parts.gatt.Server.NodeIdentity(index)
}

// SetNodeIdentity lets the node advertise its identity for a minute, to those who
// have the NetKey, or ends it. It does nothing when the node cannot be a proxy.
func (c *Core) SetNodeIdentity(now time.Time, index mesh.KeyIndex, on bool) {
	c.do(now, func() { c.parts.gatt.Server.SetNodeIdentity(index, on) })
}

// SetPrivateNodeIdentity is SetNodeIdentity in the private form, which only holders
// of the NetKey can recognize. While the other form is advertised it does nothing.
func (c *Core) SetPrivateNodeIdentity(now time.Time, index mesh.KeyIndex, on bool) {
	c.do(now, func() { c.parts.gatt.Server.SetPrivateNodeIdentity(index, on) })
}

// PrivateNodeIdentity is the Private Node Identity state of a subnet (section
// 4.2.46).
func (c *Core) PrivateNodeIdentity(index mesh.KeyIndex) state.Feature {
	return c.parts.gatt.Server.PrivateNodeIdentity(index)
}
