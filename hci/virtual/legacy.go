package virtual

import (
	"encoding/binary"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// LE Set Advertising Parameters (7.8.5):
//
//	min interval (2) | max interval (2) | type | own address type | peer address
//	type | peer address (6) | channel map | filter policy
func leSetAdvertisingParameters(c *Controller, p []byte, _ *reply) packet.Status {
	if c.legacy.enabled {
		return packet.StatusCommandDisallowed
	}
	least, most := binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:])
	kind, own, peer, channels, policy := p[4], p[5], p[6], p[13], p[14]
	floor := uint16(minInterval)
	var properties uint16
	switch kind {
	case 0x00: // ADV_IND
		properties = connectable | scannable | legacyPDU
	case 0x02: // ADV_SCAN_IND
		properties = scannable | legacyPDU
	case 0x03: // ADV_NONCONN_IND
		properties = legacyPDU
	case 0x01, 0x04: // directed
		return packet.StatusUnsupportedFeature
	default:
		return packet.StatusInvalidParameters
	}
	if c.options.Legacy && properties&connectable == 0 {
		floor = slowInterval
	}
	if least < floor || least > most || most > maxInterval || own > 3 || peer > 1 || channels&7 == 0 || policy > 3 {
		return packet.StatusInvalidParameters
	}
	c.legacy.properties = properties
	c.legacy.interval = time.Duration(least) * unit
	c.legacy.addressType = own
	return packet.StatusSuccess
}

// LE Read Advertising Physical Channel Tx Power (7.8.6).
func leReadAdvertisingPower(_ *Controller, _ []byte, r *reply) packet.Status {
	r.put(txPower)
	return packet.StatusSuccess
}

// LE Set Advertising Data (7.8.7): length | 31 octets. It may change while
// advertising.
func leSetAdvertisingData(c *Controller, p []byte, _ *reply) packet.Status {
	return c.legacy.data.setLegacy(p)
}

// LE Set Scan Response Data (7.8.8): length | 31 octets.
func leSetScanResponseData(c *Controller, p []byte, _ *reply) packet.Status {
	return c.legacy.response.setLegacy(p)
}

func (d *payload) setLegacy(p []byte) packet.Status {
	if p[0] > packet.MaxLegacyData {
		return packet.StatusInvalidParameters
	}
	d.length = copy(d.octets[:], p[1:1+p[0]])
	return packet.StatusSuccess
}

// LE Set Advertising Enable (7.8.9).
func leSetAdvertisingEnable(c *Controller, p []byte, _ *reply) packet.Status {
	switch {
	case p[0] > 1:
		return packet.StatusInvalidParameters
	case p[0] == 0:
		c.legacy.stop()
	case c.options.Exclusive && (c.scan.enabled || c.initiator.enabled):
		return packet.StatusCommandDisallowed
	case c.legacy.properties&connectable != 0 && c.full():
		return packet.StatusConnectionLimit
	case c.legacy.lacksAddress():
		return packet.StatusInvalidParameters
	case !c.legacy.enabled:
		c.legacy.begin(0, 0)
	}
	return packet.StatusSuccess
}

// LE Set Scan Parameters (7.8.10):
//
//	type | interval (2) | window (2) | own address type | filter policy
func leSetScanParameters(c *Controller, p []byte, _ *reply) packet.Status {
	if c.scan.enabled {
		return packet.StatusCommandDisallowed
	}
	interval, window := binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
	if p[0] > 1 || interval > maxInterval || p[5] > 3 || p[6] > 3 || !validWindow(interval, window) {
		return packet.StatusInvalidParameters
	}
	if p[6] != 0 {
		return packet.StatusUnsupportedFeature // there is no filter accept list
	}
	c.scan.configure(p[0] == 1, interval, window, p[5])
	return packet.StatusSuccess
}

// LE Set Scan Enable (7.8.11): enable | filter duplicates.
func leSetScanEnable(c *Controller, p []byte, _ *reply) packet.Status {
	if p[0] > 1 || p[1] > 1 {
		return packet.StatusInvalidParameters
	}
	if p[0] == 0 {
		c.scan.stop()
		return packet.StatusSuccess
	}
	return c.scan.begin(p[1] == 1, 0, 0)
}
