package virtual

import (
	"encoding/binary"
	"time"
)

// LE Set Advertising Parameters (7.8.5):
//
//	min interval (2) | max interval (2) | type | own address type | peer address
//	type | peer address (6) | channel map | filter policy
func leSetAdvertisingParameters(c *Controller, p []byte, _ *reply) status {
	if c.legacy.enabled {
		return disallowed
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
		return unsupported
	default:
		return invalidParameters
	}
	if c.options.Legacy && properties&connectable == 0 {
		floor = slowInterval
	}
	if least < floor || least > most || most > maxInterval || own > 3 || peer > 1 || channels&7 == 0 || policy > 3 {
		return invalidParameters
	}
	c.legacy.properties = properties
	c.legacy.interval = time.Duration(least) * unit
	c.legacy.addressType = own
	return success
}

// LE Read Advertising Physical Channel Tx Power (7.8.6).
func leReadAdvertisingPower(_ *Controller, _ []byte, r *reply) status {
	r.put(txPower)
	return success
}

// LE Set Advertising Data (7.8.7): length | 31 octets. It may change while
// advertising.
func leSetAdvertisingData(c *Controller, p []byte, _ *reply) status {
	return c.legacy.data.setLegacy(p)
}

// LE Set Scan Response Data (7.8.8): length | 31 octets.
func leSetScanResponseData(c *Controller, p []byte, _ *reply) status {
	return c.legacy.response.setLegacy(p)
}

func (d *payload) setLegacy(p []byte) status {
	if p[0] > maxLegacyData {
		return invalidParameters
	}
	d.length = copy(d.octets[:], p[1:1+p[0]])
	return success
}

// LE Set Advertising Enable (7.8.9).
func leSetAdvertisingEnable(c *Controller, p []byte, _ *reply) status {
	switch {
	case p[0] > 1:
		return invalidParameters
	case p[0] == 0:
		c.legacy.stop()
	case c.options.Exclusive && c.scan.enabled:
		return disallowed
	case c.legacy.lacksAddress():
		return invalidParameters
	case !c.legacy.enabled:
		c.legacy.begin(0, 0)
	}
	return success
}

// LE Set Scan Parameters (7.8.10):
//
//	type | interval (2) | window (2) | own address type | filter policy
func leSetScanParameters(c *Controller, p []byte, _ *reply) status {
	if c.scan.enabled {
		return disallowed
	}
	interval, window := binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
	if p[0] > 1 || interval > maxInterval || p[5] > 3 || p[6] > 3 || !validWindow(interval, window) {
		return invalidParameters
	}
	if p[6] != 0 {
		return unsupported // there is no filter accept list
	}
	c.scan.configure(p[0] == 1, interval, window, p[5])
	return success
}

// LE Set Scan Enable (7.8.11): enable | filter duplicates.
func leSetScanEnable(c *Controller, p []byte, _ *reply) status {
	if p[0] > 1 || p[1] > 1 {
		return invalidParameters
	}
	if p[0] == 0 {
		c.scan.stop()
		return success
	}
	return c.scan.begin(p[1] == 1, 0, 0)
}
