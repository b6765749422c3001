package virtual

import "encoding/binary"

// Versions that the controllers claim (Assigned Numbers, Core version).
const (
	version42    = 0x08
	version53    = 0x0C
	manufacturer = 0xFFFF // for tests
)

// txPower of every transmission in dBm.
const txPower = 0

// Reset (7.3.2).
func reset(c *Controller, _ []byte, _ *reply) status {
	c.reset()
	return success
}

// Set Event Mask (7.3.1).
func setEventMask(c *Controller, p []byte, _ *reply) status {
	c.mask = binary.LittleEndian.Uint64(p)
	return success
}

// Read Local Version Information (7.4.1).
func readLocalVersion(c *Controller, _ []byte, r *reply) status {
	version := byte(version53)
	if c.options.Legacy {
		version = version42
	}
	r.put(version)
	r.put16(1)
	r.put(version)
	r.put16(manufacturer)
	r.put16(1)
	return success
}

// Read Local Supported Commands (7.4.2).
func readSupportedCommands(c *Controller, _ []byte, r *reply) status {
	var bits [64]byte
	for _, k := range c.air.commands {
		if c.supports(k) {
			bits[k.octet] |= 1 << k.bit
		}
	}
	r.put(bits[:]...)
	return success
}

// Read Local Supported Features (7.4.3): LE only (volume 2 part C, 3.3).
func readLocalFeatures(_ *Controller, _ []byte, r *reply) status {
	r.put(0, 0, 0, 0, 1<<5|1<<6, 0, 0, 0) // BR/EDR not supported, LE supported
	return success
}

// Read BD_ADDR (7.4.6).
func readAddress(c *Controller, _ []byte, r *reply) status {
	r.put(c.options.Address[:]...)
	return success
}

// LE Set Event Mask (7.8.1).
func leSetEventMask(c *Controller, p []byte, _ *reply) status {
	c.maskLE = binary.LittleEndian.Uint64(p)
	return success
}

// LE Read Buffer Size [v1] (7.8.2).
func leReadBufferSize(_ *Controller, _ []byte, r *reply) status {
	r.put16(aclLength)
	r.put(aclPackets)
	return success
}

// LE Read Local Supported Features (7.8.3): bit 12 is extended advertising.
func leReadLocalFeatures(c *Controller, _ []byte, r *reply) status {
	var features uint64
	if !c.options.Legacy {
		features |= 1 << 12
	}
	r.put(binary.LittleEndian.AppendUint64(nil, features)...)
	return success
}

// LE Set Random Address (7.8.4). Disallowed while the address is in use.
func leSetRandomAddress(c *Controller, p []byte, _ *reply) status {
	if c.legacy.enabled || c.scan.enabled {
		return disallowed
	}
	c.random, c.hasRandom = Address(p), true
	return success
}

// LE Read Supported States (7.8.27): undirected advertising, scanning, and the
// two together (bits 8 to 10 and 12 to 14) unless the controller cannot.
func leReadSupportedStates(c *Controller, _ []byte, r *reply) status {
	states := uint64(0x37)
	if !c.options.Exclusive {
		states |= 0x7700
	}
	r.put(binary.LittleEndian.AppendUint64(nil, states)...)
	return success
}
