package provisioner

import (
	"maps"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

const (
	// reportInterval is between two reports of one unprovisioned device.
	reportInterval = 5 * time.Second
	// maxHeard bounds the unprovisioned devices that are remembered on each
	// bearer: anybody can make up devices.
	maxHeard = 1024
	// confirmAfter is how long after its first beacon a device has to be heard once
	// more to be reported, while there are too many.
	confirmAfter = 500 * time.Millisecond
	// maxWanted bounds the devices that are remembered whatever else is heard, which
	// lasts for wantedFor.
	maxWanted = 16
	wantedFor = 2 * time.Minute
	// recent is how long a device is assumed to stay where it was received.
	recent = 30 * time.Second
	// renewAfter is after how many devices that were forgotten the tables are copied.
	renewAfter = 8 * maxHeard
)

// Scanner is the part of a node that hears unprovisioned devices, and reports
// them when the node monitors its network.
type Scanner struct {
	part.None
	host        part.Host
	monitor     bool
	advertising map[mesh.UUID]advertiser
	connectable map[mesh.UUID]*connectable
	wanted      map[mesh.UUID]time.Time // until then
	unheard     uint64
	sighted     uint64
}

var _ part.Part = (*Scanner)(nil)

// advertiser is an unprovisioned device that sends beacons.
type advertiser struct {
	times
	unconfirmed bool // it was heard once, among too many
}

// times is when a device was received, and when it was reported.
type times struct{ first, seen, reported time.Time }

// repeated reports whether a device was heard more than once. Somebody who makes up
// devices has to send each of them again and again for that.
func (t times) repeated() bool { return t.seen.Sub(t.first) >= confirmAfter }

// connectable is an unprovisioned device that can be connected to.
type connectable struct {
	peer    bearer.Peer
	adapter uint8
	times
	unconfirmed bool
}

// NewScanner makes the part. It reports devices only with monitor.
func NewScanner(h part.Host, monitor bool) *Scanner {
	return &Scanner{
		host: h, monitor: monitor,
		advertising: map[mesh.UUID]advertiser{}, connectable: map[mesh.UUID]*connectable{}, wanted: map[mesh.UUID]time.Time{},
	}
}

// want remembers a device for some time if it is heard, however many others there are,
// because somebody wants to provision it.
func (s *Scanner) want(uuid mesh.UUID) {
	now := s.host.Now()
	for other, until := range s.wanted {
		if !now.Before(until) || len(s.wanted) >= maxWanted {
			delete(s.wanted, other)
		}
	}
	s.wanted[uuid] = now.Add(wantedFor)
}

// room makes room for one more device in a table. It forgets one of a few that it looks
// at: the one that was silent for long, that was heard once only, or else that was heard
// first. With a fixed order a sender could push a device out that is there. crowded says
// that the one was heard just now.
func room[D any](s *Scanner, table map[mesh.UUID]D, of func(D) times) (crowded bool) {
	const sample = 8
	if len(table) < maxHeard {
		return false
	}
	now, n := s.host.Now(), 0
	var least mesh.UUID
	var when times
	for uuid, d := range table { // in no order
		if _, wanted := s.wanted[uuid]; wanted {
			continue
		}
		t := of(d)
		stale, before := now.Sub(t.seen) > recent, now.Sub(when.seen) > recent
		switch {
		case n == 0, stale && !before,
			stale == before && !t.repeated() && when.repeated(),
			stale == before && t.repeated() == when.repeated() && t.seen.Before(when.seen):
			least, when = uuid, t
		}
		if n++; n == sample {
			break
		}
	}
	delete(table, least)
	if s.unheard++; s.unheard%renewAfter == 0 {
		s.renew()
	}
	return now.Sub(when.seen) <= 2*reportInterval
}

// renew copies the tables. A map in which entries come and go without end grows to
// several times its size, and never shrinks.
func (s *Scanner) renew() {
	advertising := make(map[mesh.UUID]advertiser, maxHeard)
	maps.Copy(advertising, s.advertising)
	connectables := make(map[mesh.UUID]*connectable, len(s.connectable))
	maps.Copy(connectables, s.connectable)
	s.advertising, s.connectable = advertising, connectables
}

// Inputs implements part.Part.
func (s *Scanner) Inputs() part.Inputs { return part.Beacon | part.Sighting }

// Input implements part.Part. A beacon goes on to the other parts.
func (s *Scanner) Input(in *part.Input) bool {
	if in.Kind == part.Sighting {
		if in.Sighting.Service != bearer.ProvisioningService {
			return false
		}
		s.sight(in.Sighting)
		return true
	}
	kind, err := beacon.TypeOf(in.PDU)
	if err != nil {
		s.host.CountMalformed()
		return true
	}
	if kind != beacon.TypeUnprovisioned {
		return false
	}
	b, err := beacon.ParseUnprovisioned(in.PDU)
	if err != nil {
		s.host.CountMalformed()
		return true
	}
	if s.monitor {
		s.hear(&b, in.Origin)
	}
	return false
}

// hear reports an unprovisioned device, not each of its beacons.
func (s *Scanner) hear(b *beacon.Unprovisioned, o part.Origin) {
	now := s.host.Now()
	d, known := s.advertising[b.UUID]
	if !known {
		d.first = now
		d.unconfirmed = room(s, s.advertising, func(d advertiser) times { return d.times }) && !s.isWanted(b.UUID)
	}
	d.seen = now
	report := d.due(now, d.unconfirmed)
	if report {
		d.reported, d.unconfirmed = now, false
	}
	s.advertising[b.UUID] = d
	if report {
		s.host.Report(part.DeviceHeard{UUID: b.UUID, OOB: uint16(b.OOB), RSSI: o.RSSI, Adapter: o.Adapter})
	}
}

// due reports whether a device is to be reported.
func (t times) due(now time.Time, unconfirmed bool) bool {
	return !now.Before(t.reported.Add(reportInterval)) && (!unconfirmed || t.repeated())
}

func (s *Scanner) isWanted(uuid mesh.UUID) bool {
	_, wanted := s.wanted[uuid]
	return wanted
}

// sight notes an unprovisioned device that can be connected to, and reports it
// every few seconds.
func (s *Scanner) sight(in *bearer.Sighting) {
	if !s.monitor || !in.Connectable {
		return
	}
	uuid, oob, ok := proxy.ParseDeviceServiceData(in.ServiceData())
	if !ok {
		s.host.CountMalformed()
		return
	}
	now := s.host.Now()
	d := s.connectable[uuid]
	if d == nil {
		crowded := room(s, s.connectable, func(d *connectable) times { return d.times })
		d = &connectable{times: times{first: now}, unconfirmed: crowded && !s.isWanted(uuid)}
		s.connectable[uuid] = d
	}
	d.peer, d.adapter, d.seen = in.From, in.Adapter, now
	if !d.due(now, d.unconfirmed) {
		return
	}
	d.reported, d.unconfirmed = now, false
	s.sighted++
	s.host.Report(part.DeviceHeard{UUID: uuid, OOB: uint16(oob), RSSI: in.RSSI, Adapter: in.Adapter, Bearer: provision.PBGATT})
}

// advertises reports whether a device was received by PB-ADV recently.
func (s *Scanner) advertises(uuid mesh.UUID) bool {
	d, ok := s.advertising[uuid]
	return ok && s.host.Now().Sub(d.seen) <= recent
}

// connection is where a recently seen device can be connected to, nil if unknown.
func (s *Scanner) connection(uuid mesh.UUID) *connectable {
	d := s.connectable[uuid]
	if d == nil || s.host.Now().Sub(d.seen) > recent {
		return nil
	}
	return d
}

// Counters implements part.Part.
func (s *Scanner) Counters(to *part.Counters) {
	to.Unheard += s.unheard
	to.GATT.Sighted += s.sighted
}
