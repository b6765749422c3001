package advertiser

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Event handles the events for this bearer: advertising reports and the ends of
// advertising sets.
func (b *Bearer) Event(e packet.Event) {
	if e.Code != packet.EventLEMeta {
		return
	}
	sub, err := e.Subevent()
	if err != nil {
		b.counters.malformed.Add(1)
		return
	}
	switch sub {
	case packet.SubeventAdvertisingReport, packet.SubeventExtendedAdvertisingReport:
		err = b.hear(e)
	case packet.SubeventAdvertisingSetTerminated:
		var end packet.SetTerminated
		if end, err = e.AdvertisingSetTerminated(); err == nil {
			b.ended(end)
		}
	case packet.SubeventConnectionComplete, packet.SubeventEnhancedConnectionComplete:
		var made packet.ConnectionComplete
		if made, err = e.ConnectionComplete(); err == nil && made.Role == packet.RolePeripheral && made.Status == packet.StatusSuccess {
			b.connected()
		}
	}
	if err != nil {
		b.counters.malformed.Add(1)
	}
}

// connected notes that a peer has connected, which ends the connectable
// advertisement. With advertising sets, the end of the set reports it.
func (b *Bearer) connected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.station != nil && !b.station.info.Extended {
		b.connectables.ended = true
		b.wake()
	}
}

// notMesh are the event properties with which mesh PDUs are ignored. They must
// arrive complete and in non-connectable, non-scannable, undirected
// advertisements (section 3.3.1).
const notMesh = packet.ReportConnectable | packet.ReportScannable | packet.ReportDirected |
	packet.ReportScanResponse | packet.ReportStatusMask

// hear passes on the mesh PDUs of a report event.
func (b *Bearer) hear(e packet.Event) error {
	reports, err := e.AdvertisingReports()
	if err != nil {
		return err
	}
	var r packet.Report
	for reports.Next(&r) {
		b.counters.reports.Add(1)
		for w := packet.Walk(r.Data); ; {
			ad, ok := w.Next()
			if !ok {
				break
			}
			kind := bearer.Kind(ad.Type)
			if kind < bearer.Provisioning || kind > bearer.Beacon {
				continue
			}
			if r.Type&notMesh != 0 || len(ad.Data) == 0 || len(ad.Data) > bearer.MaxPDU {
				b.counters.unfit.Add(1)
				continue
			}
			b.counters.received.Add(1)
			in := &b.incoming
			in.Kind = kind
			in.RSSI = r.RSSI
			in.Len = uint8(copy(in.Data[:], ad.Data))
			b.cfg.Receive(in)
		}
	}
	return reports.Err()
}
