package gatt

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// AD types (Assigned Numbers) and the flags of who is always found and has no
// BR/EDR.
const (
	adFlags       = 0x01
	adServices    = 0x03
	adServiceData = 0x16

	generalLEOnly = 0x06
)

// advertisement is the AD structures that a peer finds a service by (sections
// 7.1.2.2.1 and 7.2.2.2):
//
//	+-----------+-----------------+-----------------------------------+
//	| 02 01 06  | 03 03 | UUID 2  | length | 16 | UUID 2 | data 0..20 |
//	+-----------+-----------------+-----------------------------------+
func advertisement(b bearer.Beckon) ([]byte, error) {
	uuid := binary.LittleEndian.AppendUint16(nil, uint16(b.Service))
	data := packet.AppendStructure(nil, adFlags, []byte{generalLEOnly})
	data = packet.AppendStructure(data, adServices, uuid)
	const head = 4
	if n := packet.MaxLegacyData - len(data) - head; len(b.Data) > n {
		return nil, fmt.Errorf("gatt: expected service data of at most %d octets, got %d for the %s: %w", n, len(b.Data), b.Service, ErrService)
	}
	return packet.AppendStructure(data, adServiceData, append(uuid, b.Data...)), nil
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
			if ad.Type == adServiceData && len(ad.Data) > 2 && len(ad.Data)-2 <= bearer.MaxServiceData {
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

// peer turns an address of the controller into one that people write. A
// resolved address (types 2 and 3) stands for the identity.
func peer(kind packet.AddressType, a packet.Address) bearer.Peer {
	slices.Reverse(a[:])
	return bearer.Peer{Random: kind&1 == 1, Address: [6]byte(a)}
}

// address is the way back.
func address(p bearer.Peer) (packet.AddressType, packet.Address) {
	a := packet.Address(p.Address)
	slices.Reverse(a[:])
	if p.Random {
		return packet.AddressRandom, a
	}
	return packet.AddressPublic, a
}
