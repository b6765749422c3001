package virtual

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

const maxHandle = 0xEF

// find returns the set with a handle, or nil.
func (c *Controller) find(handle uint8) *set {
	for _, s := range c.sets {
		if s.handle == handle {
			return s
		}
	}
	return nil
}

// known is find for commands on a set that has to exist; it returns the status.
func (c *Controller) known(handle uint8) (*set, packet.Status) {
	if handle > maxHandle {
		return nil, packet.StatusInvalidParameters
	}
	if s := c.find(handle); s != nil {
		return s, packet.StatusSuccess
	}
	return nil, packet.StatusUnknownAdvertisingID
}

// LE Set Advertising Set Random Address (7.8.52): handle | address (6).
func leSetSetRandomAddress(c *Controller, p []byte, _ *reply) packet.Status {
	s, err := c.known(p[0])
	if err != packet.StatusSuccess {
		return err
	}
	if s.enabled && s.properties&connectable != 0 {
		return packet.StatusCommandDisallowed
	}
	s.random, s.hasRandom = packet.Address(p[1:]), true
	return packet.StatusSuccess
}

// LE Set Extended Advertising Parameters [v1] (7.8.53) makes the set if it does
// not exist:
//
//	handle | properties (2) | min interval (3) | max interval (3) | channel map |
//	own address type | peer address type | peer address (6) | filter policy |
//	TX power | primary PHY | skip | secondary PHY | SID | notify scan requests
func leSetExtendedAdvertisingParameters(c *Controller, p []byte, r *reply) packet.Status {
	handle := p[0]
	if handle > maxHandle {
		return packet.StatusInvalidParameters
	}
	s := c.find(handle)
	if s != nil && s.enabled {
		return packet.StatusCommandDisallowed
	}
	properties := binary.LittleEndian.Uint16(p[1:])
	least, most := get24(p[3:]), get24(p[6:])
	own, peer, policy, primary, secondary, sid := p[10], p[11], p[18], p[20], p[22], p[23]
	if p[9]&7 == 0 || own > 3 || peer > 1 || policy > 3 || sid > 0x0F || p[24] > 1 || least < minInterval || least > most {
		return packet.StatusInvalidParameters
	}
	if err := checkProperties(properties); err != packet.StatusSuccess {
		return err
	}
	if primary != packet.PHY1M || properties&legacyPDU == 0 && secondary != packet.PHY1M {
		return packet.StatusUnsupportedFeature
	}
	if s == nil {
		if len(c.sets) == c.options.Sets {
			return packet.StatusMemoryExceeded
		}
		s = &set{}
		s.init(c, handle)
		c.sets = append(c.sets, s)
	} else if properties&legacyPDU != 0 && max(s.data.length, s.response.length) > packet.MaxLegacyData {
		return packet.StatusInvalidParameters
	}
	s.properties = properties
	s.interval = time.Duration(least) * unit
	s.addressType, s.sid = own, sid
	r.put(txPower)
	return packet.StatusSuccess
}

// checkProperties implements table 7.2 of the command for legacy PDUs, and the
// rules in its text for others.
func checkProperties(properties uint16) packet.Status {
	switch {
	case properties > 0x7F:
		return packet.StatusInvalidParameters
	case properties&directed != 0:
		return packet.StatusUnsupportedFeature
	case properties&legacyPDU != 0:
		switch properties {
		case legacyPDU, legacyPDU | scannable, legacyPDU | scannable | connectable:
			return packet.StatusSuccess
		}
		return packet.StatusInvalidParameters
	case properties&highDuty != 0, properties&connectable != 0 && properties&(scannable|anonymous) != 0:
		return packet.StatusInvalidParameters
	}
	return packet.StatusSuccess
}

// LE Set Extended Advertising Data (7.8.54):
//
//	handle | operation | fragment preference | length | data
func leSetExtendedAdvertisingData(c *Controller, p []byte, _ *reply) packet.Status {
	return c.setExtendedData(p, func(s *set) *payload { return &s.data })
}

// LE Set Extended Scan Response Data (7.8.55), with the same layout.
func leSetExtendedScanResponseData(c *Controller, p []byte, _ *reply) packet.Status {
	return c.setExtendedData(p, func(s *set) *payload { return &s.response })
}

// The operations on a fragment of data.
const (
	fragmentMiddle = 0
	fragmentFirst  = 1
	fragmentLast   = 2
	dataComplete   = 3
	dataUnchanged  = 4
)

func (c *Controller) setExtendedData(p []byte, which func(*set) *payload) packet.Status {
	if len(p) < 4 || len(p) != 4+int(p[3]) || p[1] > dataUnchanged || p[2] > 1 {
		return packet.StatusInvalidParameters
	}
	s, err := c.known(p[0])
	if err != packet.StatusSuccess {
		return err
	}
	operation, data, d := p[1], p[4:], which(s)
	legacyPDUs := s.properties&legacyPDU != 0
	switch {
	case operation == dataUnchanged:
		if !s.enabled || legacyPDUs || d.length == 0 || len(data) > 0 {
			return packet.StatusInvalidParameters
		}
		return packet.StatusSuccess
	case legacyPDUs && (operation != dataComplete || len(data) > packet.MaxLegacyData):
		return packet.StatusInvalidParameters
	case operation != dataComplete && len(data) == 0:
		return packet.StatusInvalidParameters
	case operation != dataComplete && s.enabled:
		return packet.StatusCommandDisallowed
	}
	if operation == fragmentFirst || operation == dataComplete {
		d.length = 0
	}
	if d.length+len(data) > MaxAdvertisingData {
		*d = payload{}
		return packet.StatusMemoryExceeded
	}
	d.length += copy(d.octets[d.length:], data)
	d.partial = operation == fragmentFirst || operation == fragmentMiddle
	return packet.StatusSuccess
}

// LE Set Extended Advertising Enable (7.8.56):
//
//	enable | number of sets | for each: handle | duration (2) | max events
//
// Either all are enabled or none.
func leSetExtendedAdvertisingEnable(c *Controller, p []byte, _ *reply) packet.Status {
	if len(p) < 2 || len(p) != 2+4*int(p[1]) || p[0] > 1 || p[0] == 1 && p[1] == 0 {
		return packet.StatusInvalidParameters
	}
	enable, rows := p[0] == 1, p[2:]
	if len(rows) == 0 {
		for _, s := range c.sets {
			s.stop()
		}
		return packet.StatusSuccess
	}
	for row := range slices.Chunk(rows, 4) {
		if err := c.checkEnable(row[0], enable); err != packet.StatusSuccess {
			return err
		}
	}
	for i := 0; i < len(rows); i += 4 {
		for j := i + 4; j < len(rows); j += 4 {
			if rows[i] == rows[j] {
				return packet.StatusInvalidParameters
			}
		}
	}
	for row := range slices.Chunk(rows, 4) {
		s := c.find(row[0])
		if enable {
			s.begin(time.Duration(binary.LittleEndian.Uint16(row[1:]))*durationUnit, row[3])
		} else {
			s.stop()
		}
	}
	return packet.StatusSuccess
}

func (c *Controller) checkEnable(handle uint8, enable bool) packet.Status {
	s, err := c.known(handle)
	switch {
	case err != packet.StatusSuccess || !enable:
		return err
	case c.options.Exclusive && (c.scan.enabled || c.initiator.enabled):
		return packet.StatusCommandDisallowed
	case s.properties&connectable != 0 && c.full():
		return packet.StatusConnectionLimit
	case s.data.partial || s.response.partial:
		return packet.StatusCommandDisallowed
	case s.properties&(scannable|legacyPDU) == scannable && s.response.length == 0:
		return packet.StatusCommandDisallowed
	case s.lacksAddress():
		return packet.StatusInvalidParameters
	}
	return packet.StatusSuccess
}

// LE Read Maximum Advertising Data Length (7.8.57).
func leReadMaximumAdvertisingData(_ *Controller, _ []byte, r *reply) packet.Status {
	r.put16(MaxAdvertisingData)
	return packet.StatusSuccess
}

// LE Read Number of Supported Advertising Sets (7.8.58).
func leReadNumberOfSets(c *Controller, _ []byte, r *reply) packet.Status {
	r.put(byte(c.options.Sets))
	return packet.StatusSuccess
}

// LE Remove Advertising Set (7.8.59).
func leRemoveSet(c *Controller, p []byte, _ *reply) packet.Status {
	s, err := c.known(p[0])
	if err != packet.StatusSuccess {
		return err
	}
	if s.enabled {
		return packet.StatusCommandDisallowed
	}
	c.sets = slices.DeleteFunc(c.sets, func(o *set) bool { return o == s })
	return packet.StatusSuccess
}

// LE Clear Advertising Sets (7.8.60).
func leClearSets(c *Controller, _ []byte, _ *reply) packet.Status {
	if c.advertising() {
		return packet.StatusCommandDisallowed
	}
	c.sets = nil
	return packet.StatusSuccess
}
