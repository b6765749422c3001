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
		Log:        log.With().Str("adapter", name).Logger(),
	})
}
