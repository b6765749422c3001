package virtual

import (
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// manufacturer is the company identifier for tests (Assigned Numbers).
const manufacturer = 0xFFFF

// txPower of every transmission in dBm.
const txPower = 0

// Reset (7.3.2).
func reset(c *Controller, _ []byte, _ *reply) packet.Status {
	c.reset()
	return packet.StatusSuccess
}

// Set Event Mask (7.3.1).
func setEventMask(c *Controller, p []byte, _ *reply) packet.Status {
	c.mask = binary.LittleEndian.Uint64(p)
	return packet.StatusSuccess
}

// Read Local Version Information (7.4.1).
func readLocalVersion(c *Controller, _ []byte, r *reply) packet.Status {
	version := byte(packet.Core54)
	if c.options.Legacy {
		version = packet.Core42
	}
	r.put(version)
	r.put16(1)
	r.put(version)
	r.put16(manufacturer)
	r.put16(1)
	return packet.StatusSuccess
}

// Read Local Supported Commands (7.4.2).
func readSupportedCommands(c *Controller, _ []byte, r *reply) packet.Status {
	var bits [64]byte
	for _, k := range c.air.commands {
		if c.supports(k) {
			bits[k.octet] |= 1 << k.bit
		}
	}
	r.put(bits[:]...)
	return packet.StatusSuccess
}

// Read Local Supported Features (7.4.3): LE only (volume 2 part C, 3.3).
func readLocalFeatures(_ *Controller, _ []byte, r *reply) packet.Status {
	r.put(0, 0, 0, 0, 1<<5|1<<6, 0, 0, 0) // BR/EDR not supported, LE supported
	return packet.StatusSuccess
}

// Read BD_ADDR (7.4.6).
func readAddress(c *Controller, _ []byte, r *reply) packet.Status {
	r.put(c.options.Address[:]...)
	return packet.StatusSuccess
}

// LE Set Event Mask (7.8.1).
func leSetEventMask(c *Controller, p []byte, _ *reply) packet.Status {
	c.maskLE = binary.LittleEndian.Uint64(p)
	return packet.StatusSuccess
}

// LE Read Buffer Size [v1] (7.8.2).
func leReadBufferSize(_ *Controller, _ []byte, r *reply) packet.Status {
	r.put16(aclLength)
	r.put(aclPackets)
	return packet.StatusSuccess
}

// LE Read Local Supported Features (7.8.3): bit 12 is extended advertising.
func leReadLocalFeatures(c *Controller, _ []byte, r *reply) packet.Status {
	var features uint64
	if !c.options.Legacy {
		features |= 1 << 12
	}
	r.put(binary.LittleEndian.AppendUint64(nil, features)...)
	return packet.StatusSuccess
}

// LE Set Random Address (7.8.4). Disallowed while the address is in use.
func leSetRandomAddress(c *Controller, p []byte, _ *reply) packet.Status {
	if c.legacy.enabled || c.scan.enabled {
		return packet.StatusCommandDisallowed
	}
	c.random, c.hasRandom = packet.Address(p), true
	return packet.StatusSuccess
}

// LE Rand (7.8.23).
func leRand(c *Controller, _ []byte, r *reply) packet.Status {
	draw := newChance(c.air.options.Seed, c.key, chanceRand, c.stats.Commands)
	r.put(binary.LittleEndian.AppendUint64(nil, draw.next())...)
	return packet.StatusSuccess
}

// LE Read Supported States (7.8.27): undirected advertising, scanning, and the
// two together (bits 8 to 10 and 12 to 14) unless the controller cannot.
func leReadSupportedStates(c *Controller, _ []byte, r *reply) packet.Status {
	states := uint64(0x37)
	if !c.options.Exclusive {
		states |= 0x7700
	}
	r.put(binary.LittleEndian.AppendUint64(nil, states)...)
	return packet.StatusSuccess
}
