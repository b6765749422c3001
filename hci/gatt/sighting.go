package gatt

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// advertisement is the advertisement by which a peer finds a service (sections
// 7.1.2.2.1 and 7.2.2.2.1).
func advertisement(b bearer.ConnectableAdvertisement) (packet.Advertisement, error) {
	if len(b.Data) > bearer.MaxConnectableData {
		return packet.Advertisement{}, fmt.Errorf("gatt: expected service data of at most %d octets, got %d for the %s: %w", bearer.MaxConnectableData, len(b.Data), b.Service, ErrService)
	}
	return packet.Advertisement{Data: packet.AppendService(nil, uint16(b.Service), b.Data), Private: b.Private}, nil
}

// hear looks for service data of mesh services in a report event.
func (r *Radio) hear(e packet.Event) error {
	reports, err := e.AdvertisingReports()
	if err != nil {
		return err
	}
	var report packet.Report
	for reports.Next(&report) {
		if !report.Complete() || report.AddressType == packet.AddressAnonymous {
			continue
		}
		for w := packet.Walk(report.Data); ; {
			ad, ok := w.Next()
			if !ok {
				break
			}
			if ad.Type == packet.ADServiceData && len(ad.Data) > 2 && len(ad.Data)-2 <= bearer.MaxServiceData {
				r.seen(&report, bearer.Service(binary.LittleEndian.Uint16(ad.Data)), ad.Data[2:])
			}
		}
	}
	return reports.Err()
}

func (r *Radio) seen(report *packet.Report, service bearer.Service, data []byte) {
	switch service {
	case bearer.ProvisioningService, bearer.ProxyService, bearer.SolicitationService:
	default:
		return
	}
	s := &r.sighting
	s.Service = service
	s.Connectable = report.Type&packet.ReportConnectable != 0
	s.From = peer(report.AddressType, report.Address)
	s.RSSI = report.RSSI
	s.Len = uint8(copy(s.Data[:], data))
	r.cfg.Heard(s)
}

// peer converts an address of the controller to the usual notation. A resolved
// address (types 2 and 3) stands for the identity address.
func peer(kind packet.AddressType, a packet.Address) bearer.Peer {
	slices.Reverse(a[:])
	return bearer.Peer{Random: kind&1 == 1, Address: [6]byte(a)}
}

// address is the reverse of peer.
func address(p bearer.Peer) (packet.AddressType, packet.Address) {
	a := packet.Address(p.Address)
	slices.Reverse(a[:])
	if p.Random {
		return packet.AddressRandom, a
	}
	return packet.AddressPublic, a
}
