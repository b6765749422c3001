package main

import (
	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// links is how many connections a radio has at most, with those that are being
// made: to proxies, to devices that are provisioned, and from phones. Many
// controllers have fewer, which say so.
const links = 8

// newGATT makes the GATT bearers of a radio, beside its advertising bearer.
func newGATT(
	number int, name string, mesh *advertiser.Bearer, heard func(*bearer.Sighting), event func(bearer.LinkEvent), log zerolog.Logger,
) *gatt.Radio {
	return gatt.New(gatt.Config{
		Adapter:    uint8(number),
		Advertiser: mesh,
		Heard:      heard,
		Event:      event,
		Links:      links,
		Log:        slogger(log).With("adapter", name),
	})
}

// connections counts what the radios did with their connections.
func (m *metrics) connections(count func(name, help string, value uint64, labels ...string)) {
	for _, r := range m.radios {
		n := r.gatt.Stats()
		count("connections_total", "Connections whose service was ready.", n.Opened, "adapter", r.name)
		count("connections_failed_total", "Connections that never were ready.", n.Failed, "adapter", r.name)
		count("connections_lost_total", "Connections that ended unasked.", n.Lost, "adapter", r.name)
		count("connections_broken_total", "Connections ended because the peer broke the rules.", n.Broken, "adapter", r.name)
		count("connection_pdus_sent_total", "PDUs sent over connections.", n.Sent, "adapter", r.name)
		count("connection_pdus_received_total", "PDUs received over connections.", n.Received, "adapter", r.name)
	}
}
