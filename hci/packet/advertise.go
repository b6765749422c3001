package packet

import "time"

// MaxLegacyData is the largest number of octets of AD structures in a legacy
// advertisement.
const MaxLegacyData = 31

// Advertisement is the content of a legacy advertisement.
type Advertisement struct {
	Data    []byte // AD structures, at most MaxLegacyData octets
	Private bool   // sent from a non-resolvable private address, which changes with Data
}

// AdvertisingUnit is the unit of advertising and scan intervals.
const AdvertisingUnit = 625 * time.Microsecond

// Ranges of the intervals: 20 ms to 10.24 s for advertising (a controller older
// than Core 5.0 needs at least 100 ms for non-connectable advertising), 2.5 ms
// to 10.24 s for scanning.
const (
	MinAdvertisingInterval        = 20 * time.Millisecond
	MinAdvertisingIntervalBefore5 = 100 * time.Millisecond
	MaxAdvertisingInterval        = 10240 * time.Millisecond
)

// Units converts a time to units of 0.625 ms. It rounds up, so that an interval
// is never shorter than requested, and limits the result to 16 bits.
func Units(d time.Duration) uint16 {
	n := (d + AdvertisingUnit - 1) / AdvertisingUnit
	return uint16(min(max(n, 0), 0xffff))
}

// LegacyType is the Advertising_Type of LE Set Advertising Parameters.
type LegacyType uint8

// The legacy advertising types.
const (
	LegacyConnectable    LegacyType = 0x00 // ADV_IND
	LegacyScannable      LegacyType = 0x02 // ADV_SCAN_IND
	LegacyNonconnectable LegacyType = 0x03 // ADV_NONCONN_IND
)

// AllChannels is the channel map of the three advertising channels.
const AllChannels = 0x07

// LegacyAdvertising holds the parameters of LE Set Advertising Parameters
// (section 7.8.5). The peer address, which only directed advertising uses, is
// zero, and the filter policy lets everybody scan and connect.
type LegacyAdvertising struct {
	IntervalMin time.Duration
	IntervalMax time.Duration
	Type        LegacyType
	OwnAddress  AddressType
	Channels    uint8 // bits 0 to 2: channels 37 to 39
}

// Command encodes the parameters.
func (a LegacyAdvertising) Command() Command {
	c := Command{opcode: OpLESetAdvertisingParameters}
	c.append16(Units(a.IntervalMin))
	c.append16(Units(a.IntervalMax))
	c.append(byte(a.Type), byte(a.OwnAddress), 0)
	c.append(0, 0, 0, 0, 0, 0)
	c.append(a.Channels, 0)
	return c
}

// LESetAdvertisingData sets the AD structures of legacy advertising. The
// command always has the length for MaxLegacyData octets (section 7.8.7). It
// panics if data is longer.
func LESetAdvertisingData(data []byte) Command {
	c := Command{opcode: OpLESetAdvertisingData}
	c.append(byte(len(data)))
	var padded [MaxLegacyData]byte
	if copy(padded[:], data) < len(data) {
		panic("packet: legacy advertising data of more than 31 octets")
	}
	c.append(padded[:]...)
	return c
}

// LESetAdvertisingEnable starts or stops legacy advertising (section 7.8.9).
func LESetAdvertisingEnable(on bool) Command {
	return NewCommand(OpLESetAdvertisingEnable, flag(on))
}

// Advertising_Event_Properties bits (section 7.8.53).
const (
	PropertyConnectable uint16 = 1 << 0
	PropertyScannable   uint16 = 1 << 1
	PropertyLegacy      uint16 = 1 << 4

	// PropertiesNonconnectable is ADV_NONCONN_IND.
	PropertiesNonconnectable = PropertyLegacy
	// PropertiesConnectable is ADV_IND.
	PropertiesConnectable = PropertyConnectable | PropertyScannable | PropertyLegacy
)

// PHY1M is the LE 1M PHY, the only one that mesh and legacy PDUs use.
const PHY1M = 0x01

// TxPowerAny leaves the transmit power to the controller.
const TxPowerAny int8 = 127

// ExtendedAdvertising holds the parameters of LE Set Extended Advertising
// Parameters (section 7.8.53) for legacy PDUs on the LE 1M PHY: no peer, no
// filter, no secondary channel, no scan request notifications.
type ExtendedAdvertising struct {
	Handle      uint8
	Properties  uint16
	IntervalMin time.Duration // at most 40 s here; the field could hold more
	IntervalMax time.Duration
	Channels    uint8
	OwnAddress  AddressType
	TxPower     int8 // dBm, or TxPowerAny
	SID         uint8
}

// Command encodes the parameters. The return parameter is the chosen transmit
// power, one octet.
func (a ExtendedAdvertising) Command() Command {
	c := Command{opcode: OpLESetExtendedAdvertisingParameters}
	c.append(a.Handle)
	c.append16(a.Properties)
	c.append24(uint32(Units(a.IntervalMin)))
	c.append24(uint32(Units(a.IntervalMax)))
	c.append(a.Channels, byte(a.OwnAddress))
	c.append(0, 0, 0, 0, 0, 0, 0) // peer address type and address
	c.append(0)                   // filter policy
	c.append(byte(a.TxPower))
	c.append(PHY1M, 0, PHY1M) // primary PHY, maximum skip, secondary PHY
	c.append(a.SID, 0)
	return c
}

// LESetAdvertisingSetRandomAddress sets the random address of a set (section
// 7.8.52). The set's parameters have to be set first.
func LESetAdvertisingSetRandomAddress(handle uint8, a Address) Command {
	c := NewCommand(OpLESetAdvertisingSetRandomAddress, handle)
	c.append(a[:]...)
	return c
}

// MaxExtendedData is the largest number of octets in one LE Set Extended
// Advertising Data command.
const MaxExtendedData = 251

// LESetExtendedAdvertisingData sets a set's AD structures as one complete
// piece, which the controller should not fragment (section 7.8.54).
func LESetExtendedAdvertisingData(handle uint8, data []byte) Command {
	const complete, dontFragment = 0x03, 0x01
	c := NewCommand(OpLESetExtendedAdvertisingData, handle, complete, dontFragment, byte(len(data)))
	c.append(data...)
	return c
}

// LESetExtendedAdvertisingEnable starts or stops one set (section 7.8.56). If
// events is not 0, the set stops after that many advertising events, and the
// controller reports Advertising Set Terminated.
func LESetExtendedAdvertisingEnable(on bool, handle uint8, events uint8) Command {
	const sets = 1
	return NewCommand(OpLESetExtendedAdvertisingEnable, flag(on), sets, handle, 0, 0, events)
}

// LERemoveAdvertisingSet removes a set (section 7.8.59).
func LERemoveAdvertisingSet(handle uint8) Command {
	return NewCommand(OpLERemoveAdvertisingSet, handle)
}

// LEClearAdvertisingSets removes all sets (section 7.8.60).
func LEClearAdvertisingSets() Command { return NewCommand(OpLEClearAdvertisingSets) }

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}
