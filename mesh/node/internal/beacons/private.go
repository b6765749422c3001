package beacons

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// Private is the part of a node that sends mesh private beacons (section 3.10.4).
// Nobody can follow a node by them, for their random number changes.
type Private struct {
	part.None
	host    part.Host
	keys    Keys
	iv      IVIndex
	subnets map[mesh.KeyIndex]*private
}

var _ part.Part = (*Private)(nil)

// private is the sending in one subnet.
type private struct {
	schedule beacon.Schedule
	random   [crypto.NonceSize]byte
	drawn    time.Time // zero: not yet
	said     beacon.State
}

// NewPrivate makes the part.
func NewPrivate(h part.Host, k Keys, iv IVIndex) *Private {
	return &Private{host: h, keys: k, iv: iv, subnets: map[mesh.KeyIndex]*private{}}
}

// heard counts a private beacon of a neighbour, if this node sends them itself.
func (p *Private) heard(index mesh.KeyIndex) {
	if b := p.subnets[index]; b != nil {
		b.schedule.Heard()
	}
}

func (p *Private) sends() bool {
	n := p.host.State()
	return n.PrivateBeacon.Enabled && n.IsProvisioned() && !n.IVIndexUnknown
}

// Tick implements part.Part.
func (p *Private) Tick() {
	if !p.sends() {
		clear(p.subnets)
		return
	}
	for index := range p.subnets {
		if p.keys.Subnet(index) == nil {
			delete(p.subnets, index)
		}
	}
	for _, s := range p.keys.Subnets() {
		b := p.subnets[s.Index]
		if b == nil {
			b = &private{}
			b.schedule.Start(p.host.Now().Add(p.host.Jitter(0, beacon.MinInterval)))
			p.subnets[s.Index] = b
		}
		if deadline.Due(b.schedule.Due(), p.host.Now()) {
			p.send(s, b)
		}
	}
}

func (p *Private) send(s *keys.Subnet, b *private) {
	n, now := p.host.State(), p.host.Now()
	b.schedule.Sent(now.Add(p.host.Jitter(0, time.Second)))
	said := p.iv.Said(s.Phase)
	if b.drawn.IsZero() || said != b.said || now.Sub(b.drawn) >= n.PrivateBeacon.UpdateInterval() {
		if _, err := io.ReadFull(p.host.Random(), b.random[:]); err != nil {
			p.host.CountUnsent(err)
			return // another state under the old number would disclose both
		}
		b.drawn, b.said = now, said
	}
	pdu := s.BeaconKeys().AppendPrivate(nil, said, b.random)
	p.host.Advertise(bearer.Beacon, bearer.BeaconLane(), n.NetworkTransmit.Transmit(), pdu)
}

// NextDeadline implements part.Part.
func (p *Private) NextDeadline() time.Time {
	var next time.Time
	if !p.sends() {
		return next
	}
	for _, s := range p.keys.Subnets() {
		b := p.subnets[s.Index]
		if b == nil {
			return p.host.Now() // to begin
		}
		next = deadline.Earliest(next, b.schedule.Due())
	}
	return next
}
