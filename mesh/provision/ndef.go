package provision

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ParseURIRecord decodes the NDEF record of a device's NFC tag that contains a
// URI (NFC Forum, URI Record Type Definition), and returns the URI:
//
//	+--------+-------------+----------------+------+--------+-----------------+
//	| D1     | Type length | Payload length | "U"  | Prefix | rest of the URI |
//	| 1      | 1           | 1              | 1    | 1      |                 |
//	+--------+-------------+----------------+------+--------+-----------------+
//
// The record must be a short one and the only one.
func ParseURIRecord(ndef []byte) (string, error) {
	const header, flags, typeLength = 5, 0xD1, 1 // message begin and end, short record, well-known type
	if len(ndef) < header || ndef[0] != flags || ndef[1] != typeLength || ndef[3] != 'U' || int(ndef[2]) != len(ndef)-header+1 {
		return "", errors.New("provision: NDEF: expected one short record with a URI (d1 01 length 55)")
	}
	// Further prefixes are not used by devices.
	prefixes := []string{"", "http://www.", "https://www.", "http://", "https://"}
	if int(ndef[4]) >= len(prefixes) {
		return "", fmt.Errorf("provision: NDEF: expected a URI prefix from 0x00 to 0x%02x, got 0x%02x", len(prefixes)-1, ndef[4])
	}
	return prefixes[ndef[4]] + string(ndef[header:]), nil
}

// UUIDOf returns the device's UUID from a URI as in tags and printed codes: the
// parameter uuid.
func UUIDOf(uri string) (mesh.UUID, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return mesh.UUID{}, errors.New("provision: expected a URI")
	}
	uuid, err := mesh.ParseUUID(u.Query().Get("uuid"))
	if err != nil {
		return mesh.UUID{}, errors.New("provision: expected a URI with a parameter uuid")
	}
	return uuid, nil
}
