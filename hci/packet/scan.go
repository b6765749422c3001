package packet

import "time"

// Scan holds the parameters of legacy or extended scanning, with a filter
// policy that accepts all advertisers.
type Scan struct {
	Active     bool // send scan requests; mesh scans passively
	Interval   time.Duration
	Window     time.Duration // at most Interval; if equal, the radio scans all the time
	OwnAddress AddressType
}

// Legacy encodes LE Set Scan Parameters (section 7.8.10).
func (s Scan) Legacy() Command {
	c := NewCommand(OpLESetScanParameters, flag(s.Active))
	c.append16(Units(s.Interval))
	c.append16(Units(s.Window))
	c.append(byte(s.OwnAddress), 0)
	return c
}

// Extended encodes LE Set Extended Scan Parameters for the LE 1M PHY (section
// 7.8.64).
func (s Scan) Extended() Command {
	c := NewCommand(OpLESetExtendedScanParameters, byte(s.OwnAddress), 0, PHY1M, flag(s.Active))
	c.append16(Units(s.Interval))
	c.append16(Units(s.Window))
	return c
}

// LESetScanEnable starts or stops legacy scanning (section 7.8.11). With
// filter, the controller reports each advertiser only once.
func LESetScanEnable(on, filter bool) Command {
	return NewCommand(OpLESetScanEnable, flag(on), flag(filter))
}

// LESetExtendedScanEnable starts or stops extended scanning without a time
// limit (section 7.8.65).
func LESetExtendedScanEnable(on, filter bool) Command {
	return NewCommand(OpLESetExtendedScanEnable, flag(on), flag(filter), 0, 0, 0, 0)
}
