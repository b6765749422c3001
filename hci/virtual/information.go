package virtual

import (
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// manufacturer is the company identifier for testing (Assigned Numbers).
const manufacturer = 0xFFFF

// txPower is the power of every transmission in dBm.
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

// LE Read Buffer Size [v1] (7.8.2): zeros if LE has no separate buffers.
func leReadBufferSize(c *Controller, _ []byte, r *reply) packet.Status {
	if c.options.SharedData {
		r.put(0, 0, 0)
		return packet.StatusSuccess
	}
	r.put16(uint16(c.options.DataLength))
	r.put(byte(c.options.DataPackets))
	return packet.StatusSuccess
}

// Read Buffer Size (7.4.5): ACL length (2) | SCO length | ACL packets (2) | SCO packets (2).
func readBufferSize(c *Controller, _ []byte, r *reply) packet.Status {
	r.put16(uint16(c.options.DataLength))
	r.put(0)
	r.put16(uint16(c.options.DataPackets))
	r.put16(0)
	return packet.StatusSuccess
}

// LE Read Local Supported Features (7.8.3): data length extension and, unless
// the controller is a legacy one, extended advertising.
func leReadLocalFeatures(c *Controller, _ []byte, r *reply) packet.Status {
	features := packet.LEFeatureDataLength
	if !c.options.Legacy {
		features |= packet.LEFeatureExtendedAdvertising
	}
	r.put(binary.LittleEndian.AppendUint64(nil, uint64(features))...)
	return packet.StatusSuccess
}

// LE Set Random Address (7.8.4). Not allowed while the address is in use.
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

// Bits of the supported states (7.8.27).
const (
	statesAlone       = 0xF7          // each state alone, and a connection in each role
	statesScanning    = 0x7700        // advertising and scanning together
	statesInitiating  = 0x100C30000   // initiating together with advertising or scanning
	statesConnections = 0x2481F3C0000 // connections in both roles together with advertising, scanning and each other
)

// LE Read Supported States (7.8.27): every undirected state, and the
// combinations that the controller supports.
func leReadSupportedStates(c *Controller, _ []byte, r *reply) packet.Status {
	states := uint64(statesAlone | statesConnections)
	if !c.options.Exclusive {
		states |= statesScanning | statesInitiating
	}
	r.put(binary.LittleEndian.AppendUint64(nil, states)...)
	return packet.StatusSuccess
}
