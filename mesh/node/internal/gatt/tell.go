package gatt

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
)

// This file is how client and server tell each other the state of the network. A Proxy
// PDU carries a mesh beacon in either direction (section 6.3.1).
//
//	client                                proxy ─▶ nodes behind it, in its own beacons
//	   │ when connected, before anything else
//	   │ when the IV index or a NetKey changes
//	   │ from time to time
//	   └──── Secure Network or Mesh Private beacon ────▶
//
// Without it the nodes behind a proxy would not hear of an IV Update that this node
// has begun, or has followed meanwhile. A configuration message comes after the beacon:
// a proxy that is at an older IV index could not read it.

// tellInterval is the time between two beacons to a proxy if nothing changes. One that
// was not allowed to follow at once (sections 3.11.5 and 3.11.6) can do so later.
const tellInterval = 30 * time.Second

// beaconOf makes the beacon of a subnet, in the private form if the peer uses that.
// It returns nil while there is nothing to tell.
func (x *exchange) beaconOf(own *keys.Subnet, private bool) []byte {
	if own == nil || x.host.State().IVIndexUnknown {
		return nil
	}
	said := x.iv.Said(own.Phase)
	if !private {
		return own.BeaconKeys().AppendSecure(nil, said)
	}
	var random [crypto.NonceSize]byte
	if _, err := io.ReadFull(x.host.Random(), random[:]); err != nil {
		x.host.CountUnsent(err)
		return nil
	}
	return own.BeaconKeys().AppendPrivate(nil, said, random)
}

// told is what the proxies were told last of a subnet.
type told struct {
	index mesh.KeyIndex
	state beacon.State
	by    *beacon.Keys
}

// tell sends the proxies the state of the subnets: all of them when it has changed,
// and each one when it is due.
func (c *Client) tell() {
	if len(c.proxies) == 0 {
		return
	}
	now, changed := c.host.Now(), c.hasNews()
	for _, l := range c.links.all {
		used := c.proxies[l.ID]
		switch {
		case used == nil:
			continue
		case !l.IsOpen():
			used.tell = time.Time{}
			continue
		case !changed && !deadline.Due(used.tell, now):
			continue
		}
		used.tell = now.Add(tellInterval)
		for _, s := range c.subnets.Subnets() {
			c.links.WriteBeacon(l, c.beaconOf(s, used.private))
		}
	}
}

// hasNews reports whether the state of a subnet is another one than at the last call.
func (c *Client) hasNews() bool {
	all, changed := c.subnets.Subnets(), false
	if len(c.said) != len(all) {
		c.said, changed = make([]told, len(all)), true
	}
	for i, s := range all {
		now := told{s.Index, c.iv.Said(s.Phase), s.BeaconKeys()}
		if c.said[i] != now {
			c.said[i], changed = now, true
		}
	}
	return changed
}

// tellDeadline is when the next proxy is to be told.
func (c *Client) tellDeadline() time.Time {
	var next time.Time
	for _, used := range c.proxies {
		next = deadline.Earliest(next, used.tell)
	}
	return next
}

// IVIndexChanged implements ivupdate.Follower: proxies get a beacon.
func (c *Client) IVIndexChanged() { c.host.Wake(c) }
