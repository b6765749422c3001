package provisioner

import (
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
	maxHeard = 256
	// recent is how long a device is assumed to stay where it was received.
	recent = 30 * time.Second
)

// Scanner is the part of a node that hears unprovisioned devices, and reports
// them when the node monitors its network.
type Scanner struct {
	part.None
	host        part.Host
	monitor     bool
	advertising map[mesh.UUID]time.Time // last report
	connectable map[mesh.UUID]*connectable
	unheard     uint64
	sighted     uint64
}

var _ part.Part = (*Scanner)(nil)

// connectable is an unprovisioned device that can be connected to.
type connectable struct {
	peer     bearer.Peer
	adapter  uint8
	seen     time.Time
	reported time.Time
}

// NewScanner makes the part. It reports devices only with monitor.
func NewScanner(h part.Host, monitor bool) *Scanner {
	return &Scanner{
		host: h, monitor: monitor,
		advertising: map[mesh.UUID]time.Time{}, connectable: map[mesh.UUID]*connectable{},
	}
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
	last, known := s.advertising[b.UUID]
	if known && now.Before(last.Add(reportInterval)) {
		return
	}
	if !known && len(s.advertising) >= maxHeard {
		for uuid, last := range s.advertising {
			if now.Sub(last) > 2*reportInterval {
				delete(s.advertising, uuid)
			}
		}
		if len(s.advertising) >= maxHeard {
			s.unheard++
			return
		}
	}
	s.advertising[b.UUID] = now
	s.host.Report(part.DeviceHeard{UUID: b.UUID, OOB: uint16(b.OOB), RSSI: o.RSSI, Adapter: o.Adapter})
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
		if len(s.connectable) >= maxHeard {
			for uuid, d := range s.connectable {
				if now.Sub(d.seen) > recent {
					delete(s.connectable, uuid)
				}
			}
		}
		if len(s.connectable) >= maxHeard {
			s.unheard++
			return
		}
		d = &connectable{}
		s.connectable[uuid] = d
	}
	d.peer, d.adapter, d.seen = in.From, in.Adapter, now
	if now.Before(d.reported.Add(reportInterval)) {
		return
	}
	d.reported = now
	s.sighted++
	s.host.Report(part.DeviceHeard{UUID: uuid, OOB: uint16(oob), RSSI: in.RSSI, Adapter: in.Adapter, Bearer: provision.PBGATT})
}

// advertises reports whether a device was received by PB-ADV recently.
func (s *Scanner) advertises(uuid mesh.UUID) bool {
	last, ok := s.advertising[uuid]
	return ok && s.host.Now().Sub(last) <= recent
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
