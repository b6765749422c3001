package node

import (
	"io"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file is what a Remote Provisioning Server has of its node: messages that
// arrive, the radio, and the node's own identity (section 3.11.8).

// remoteState is the remote provisioning of a node, on either side.
type remoteState struct {
	server    *remote.Server // nil without the model
	tidings   []tiding
	candidate *crypto.CCM // of state.DeviceKeyCandidate; nil for none
	joined    *provision.Joined
}

// serveRemotely introduces the node to the model.
func (c *Core) serveRemotely(m *remote.Server) {
	c.remote.server = m
	m.Attach(remoteHost{c})
	c.deriveCandidate()
}

// leaveRemotely ends what was under way when the node leaves its network.
func (c *Core) leaveRemotely() {
	c.remote.tidings, c.remote.joined, c.remote.candidate = nil, nil, nil
	if c.remote.server != nil {
		c.remote.server.Attach(remoteHost{c})
	}
}

// tiding is a message to a client on its way, or behind one that is.
type tiding struct {
	to       remote.Client
	payload  []byte
	done     func(delivered bool)
	attempts int
	handle   transport.Handle // while it is on its way
}

// Limits of what a server has to say: how often it tries, and how much may wait.
// Reports of sixteen devices and those of a link are far fewer.
const (
	tidingAttempts = 3
	maxTidings     = 64
)

// remoteHost is the node as the server sees it.
type remoteHost struct{ c *Core }

func (h remoteHost) UUID() mesh.UUID   { return h.c.state.UUID }
func (h remoteHost) Random() io.Reader { return h.c.options.Random }

func (h remoteHost) Tell(to remote.Client, m access.Message, done func(bool)) {
	c := h.c
	payload, err := c.codec.Append(nil, m)
	if err != nil || len(c.remote.tidings) >= maxTidings {
		c.countUnsent(err)
		if done != nil {
			done(false)
		}
		return
	}
	c.remote.tidings = append(c.remote.tidings, tiding{to: to, payload: payload, done: done})
	c.tellNext()
}

// tellNext sends the first tiding unless it is on its way. One at a time keeps
// them in order.
func (c *Core) tellNext() {
	for len(c.remote.tidings) > 0 && c.remote.tidings[0].handle == 0 {
		t := &c.remote.tidings[0]
		t.attempts++
		handle, err := c.send(outgoing{
			src: c.state.Address, dst: t.to.Address, netKey: t.to.NetKey,
			key: transport.Key{Device: c.state.Address}, ttl: c.state.DefaultTTL, segmented: true,
		}, t.payload)
		if err == nil && handle != 0 {
			t.handle = handle
			return
		}
		c.endTiding(err == nil)
	}
}

// told follows a message that is a tiding.
func (c *Core) told(d transport.Delivery) bool {
	if len(c.remote.tidings) == 0 || c.remote.tidings[0].handle != d.Message {
		return false
	}
	t := &c.remote.tidings[0]
	t.handle = 0
	if d.Result.Success() || t.attempts >= tidingAttempts {
		c.endTiding(d.Result.Success())
	}
	c.tellNext()
	return true
}

func (c *Core) endTiding(delivered bool) {
	done := c.remote.tidings[0].done
	c.remote.tidings = slices.Delete(c.remote.tidings, 0, 1)
	if done != nil {
		done(delivered)
	}
}

func (h remoteHost) Radio(out *provision.Output) { h.c.spread(out.Cancel, out.Send) }

// Elements: a new device key or address can always be had, a new composition only
// where there is one.
func (h remoteHost) Elements(p remoteprovisioning.RefreshProcedure) int {
	c := h.c
	switch p {
	case remoteprovisioning.RefreshDeviceKey:
		return len(c.state.Elements)
	case remoteprovisioning.RefreshNodeAddress:
		return len(c.options.Elements)
	default:
		if !c.hasNewComposition() || len(c.options.Elements) != len(c.state.Elements) {
			return 0
		}
		return len(c.state.Elements)
	}
}

func (h remoteHost) Check(p remoteprovisioning.RefreshProcedure, network provision.Network, address mesh.Address) (provision.ErrorCode, string) {
	c := h.c
	k := c.state.Subnet(network.Index)
	switch {
	case k == nil || network.KeyRefresh != (k.Phase == state.SecondPhase):
		return provision.InvalidData, "expected a subnet of this node and the phase of its key"
	case !network.Key.Equal(k.Sending()):
		return provision.InvalidData, "expected the NetKey of the subnet"
	case network.IVIndex != c.state.IVIndex || network.IVUpdate != c.state.IVUpdate:
		return provision.InvalidData, "expected the IV index of the network"
	case p != remoteprovisioning.RefreshNodeAddress && address != c.state.Address:
		return provision.CannotAssign, "expected the node's address to stay"
	case p == remoteprovisioning.RefreshNodeAddress && overlap(address, len(c.options.Elements), c.state.Address, len(c.state.Elements)):
		return provision.CannotAssign, "expected addresses that the node has not"
	}
	return 0, ""
}

// overlap reports whether two ranges of addresses have one in common.
func overlap(a mesh.Address, n int, b mesh.Address, m int) bool {
	return int(a) < int(b)+m && int(b) < int(a)+n
}

func (h remoteHost) Prepare(_ remoteprovisioning.RefreshProcedure, joined *provision.Joined) {
	c := h.c
	c.remote.joined = joined
	c.setCandidate(joined.DeviceKey)
}

func (h remoteHost) Commit(p remoteprovisioning.RefreshProcedure) {
	c, joined := h.c, h.c.remote.joined
	c.remote.joined = nil
	if joined == nil || p == remoteprovisioning.RefreshDeviceKey {
		return // the key is taken on with the first message under it
	}
	before := c.state.Address
	c.state.Address = joined.Address
	if err := c.takeComposition(); err != nil {
		c.state.Address = before
		return
	}
	c.Changed()
	if c.state.Address != before {
		c.report(Joined{Address: c.state.Address, NetKey: joined.Network.Index})
	}
}

func (h remoteHost) Discard() {
	if h.c.remote.joined != nil {
		h.c.remote.joined = nil
		h.c.setCandidate(crypto.Key{})
	}
}

// setCandidate keeps a device key that may take the place of the present one.
func (c *Core) setCandidate(key crypto.Key) {
	c.state.DeviceKeyCandidate = key
	c.stateDirty = true
	c.deriveCandidate()
}

// deriveCandidate makes the cipher of the candidate.
func (c *Core) deriveCandidate() {
	c.remote.candidate = nil
	if !c.state.DeviceKeyCandidate.IsZero() {
		c.remote.candidate = crypto.NewCCM(c.state.DeviceKeyCandidate)
	}
}

// candidateOwner marks a message under the candidate; no node has the address.
const candidateOwner = mesh.AllNodes

// appendCandidate adds the candidate to the keys of messages to this node.
func (c *Core) appendCandidate(dst []transport.DeviceKey) []transport.DeviceKey {
	if c.remote.candidate == nil {
		return dst
	}
	return append(dst, transport.DeviceKey{Owner: candidateOwner, Cipher: c.remote.candidate})
}

// meetCandidate takes the candidate on with the first message under it: who
// provisioned this node once more has it as well. The former key is void.
func (c *Core) meetCandidate(m *transport.AccessMessage) {
	if m.Key.Device != candidateOwner {
		return
	}
	m.Key.Device = c.state.Address
	c.state.DeviceKey = c.state.DeviceKeyCandidate
	c.setCandidate(crypto.Key{})
	c.Changed()
}
