package packet

import (
	"encoding/binary"
	"fmt"
)

// Event_Type bits of an extended advertising report (section 7.7.65.13);
// legacy reports are translated to them.
const (
	ReportConnectable  uint16 = 1 << 0
	ReportScannable    uint16 = 1 << 1
	ReportDirected     uint16 = 1 << 2
	ReportScanResponse uint16 = 1 << 3
	ReportLegacy       uint16 = 1 << 4
	ReportStatusMask   uint16 = 3 << 5 // data status: 0 complete
)

// RSSIUnknown is the RSSI of a report without a value.
const RSSIUnknown int8 = 127

// Report is one received advertisement.
type Report struct {
	Type        uint16 // ReportConnectable and the other bits
	AddressType AddressType
	Address     Address
	RSSI        int8   // dBm, or RSSIUnknown
	Data        []byte // AD structures; slice of the packet
}

// Complete reports whether Data is the whole advertisement.
func (r *Report) Complete() bool { return r.Type&ReportStatusMask == 0 }

// Reports iterates over the reports of one event, which follow each other:
//
//	legacy    | type 1 | addr type 1 | addr 6 | len 1 | data | RSSI 1 |
//	extended  | type 2 | addr type 1 | addr 6 | PHYs 2 | SID 1 | TX power 1 |
//	          | RSSI 1 | interval 2 | direct addr 7 | len 1 | data |
type Reports struct {
	rest     []byte
	left     int
	extended bool
}

const (
	legacyHead   = 9  // up to and including the data length
	extendedHead = 24 // up to and including the data length
)

// AdvertisingReports starts the iteration over a legacy or an extended report
// event.
func (e Event) AdvertisingReports() (Reports, error) {
	s, err := e.Subevent()
	if err != nil {
		return Reports{}, err
	}
	if s != SubeventAdvertisingReport && s != SubeventExtendedAdvertisingReport {
		return Reports{}, fmt.Errorf("packet: expected an advertising report, got %s: %w", s, ErrMalformed)
	}
	if len(e.Params) < 2 {
		return Reports{}, fmt.Errorf("packet: expected %s with the number of reports, got none: %w", s, ErrMalformed)
	}
	return Reports{rest: e.Params[2:], left: int(e.Params[1]), extended: s == SubeventExtendedAdvertisingReport}, nil
}

// Next decodes the next report into r. It returns false at the end, or if the
// rest is not a complete report. Err tells the two apart.
func (w *Reports) Next(r *Report) bool {
	if w.left == 0 {
		return false
	}
	if w.extended {
		return w.nextExtended(r)
	}
	return w.nextLegacy(r)
}

// Err is nil if all announced reports were there.
func (w *Reports) Err() error {
	if w.left == 0 {
		return nil
	}
	return fmt.Errorf("packet: expected %d more advertising reports, the %d octets left are too few: %w", w.left, len(w.rest), ErrMalformed)
}

func (w *Reports) nextLegacy(r *Report) bool {
	p := w.rest
	if len(p) < legacyHead {
		return false
	}
	n := int(p[8])
	if len(p) < legacyHead+n+1 {
		return false
	}
	r.Type = legacyReportType(p[0])
	r.AddressType = AddressType(p[1])
	r.Address = Address(p[2:8])
	r.Data = p[legacyHead : legacyHead+n]
	r.RSSI = int8(p[legacyHead+n])
	w.rest = p[legacyHead+n+1:]
	w.left--
	return true
}

func (w *Reports) nextExtended(r *Report) bool {
	p := w.rest
	if len(p) < extendedHead {
		return false
	}
	n := int(p[23])
	if len(p) < extendedHead+n {
		return false
	}
	r.Type = binary.LittleEndian.Uint16(p)
	r.AddressType = AddressType(p[2])
	r.Address = Address(p[3:9])
	r.RSSI = int8(p[13])
	r.Data = p[extendedHead : extendedHead+n]
	w.rest = p[extendedHead+n:]
	w.left--
	return true
}

// legacyReportType converts the Event_Type of a legacy report (section
// 7.7.65.2) to the bits of an extended report for the same PDU (table in
// section 7.7.65.13).
func legacyReportType(t uint8) uint16 {
	switch t {
	case 0x00: // ADV_IND
		return ReportLegacy | ReportConnectable | ReportScannable
	case 0x01: // ADV_DIRECT_IND
		return ReportLegacy | ReportConnectable | ReportDirected
	case 0x02: // ADV_SCAN_IND
		return ReportLegacy | ReportScannable
	case 0x04: // SCAN_RSP
		return ReportLegacy | ReportScannable | ReportScanResponse
	default: // ADV_NONCONN_IND
		return ReportLegacy
	}
}
