package main

import (
	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// links is the largest number of connections of a radio, including attempts: to
// proxies, to devices being provisioned, and from phones. Many controllers
// support fewer and report that.
const links = 8

// newGATT makes the GATT bearers of a radio, in addition to its advertising
// bearer.
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

// connections exports the connection counters of the radios.
func (m *metrics) connections(count func(name, help string, value uint64, labels ...string)) {
	for _, r := range m.radios {
		n := r.gatt.Stats()
		count("connections_total", "Connections whose service became ready.", n.Opened, "adapter", r.name)
		count("connections_failed_total", "Connections that never became ready.", n.Failed, "adapter", r.name)
		count("connections_lost_total", "Connections that ended unexpectedly.", n.Lost, "adapter", r.name)
		count("connections_broken_total", "Connections ended because the peer violated the protocol.", n.Broken, "adapter", r.name)
		count("connections_evicted_total", "Connections ended because the peer did nothing and others needed the room.", n.Evicted, "adapter", r.name)
		count("connection_pdus_sent_total", "PDUs sent over connections.", n.Sent, "adapter", r.name)
		count("connection_pdus_received_total", "PDUs received over connections.", n.Received, "adapter", r.name)
	}
}
