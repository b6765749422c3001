package provision

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ParseURIRecord reads the NDEF record of a device's NFC tag that holds a URI
// (NFC Forum, URI Record Type Definition), and returns the URI:
//
//	+--------+-------------+----------------+------+--------+-----------------+
//	| D1     | Type length | Payload length | "U"  | Prefix | rest of the URI |
//	| 1      | 1           | 1              | 1    | 1      |                 |
//	+--------+-------------+----------------+------+--------+-----------------+
//
// The record must be a short one that stands alone.
func ParseURIRecord(ndef []byte) (string, error) {
	const header, flags, typeLength = 5, 0xD1, 1 // message begin and end, short record, well-known type
	if len(ndef) < header || ndef[0] != flags || ndef[1] != typeLength || ndef[3] != 'U' || int(ndef[2]) != len(ndef)-header+1 {
		return "", errors.New("provision: NDEF: expected one short record with a URI (d1 01 length 55)")
	}
	// Further prefixes are not for what a device has.
	prefixes := []string{"", "http://www.", "https://www.", "http://", "https://"}
	if int(ndef[4]) >= len(prefixes) {
		return "", fmt.Errorf("provision: NDEF: expected a URI prefix from 0x00 to 0x%02x, got 0x%02x", len(prefixes)-1, ndef[4])
	}
	return prefixes[ndef[4]] + string(ndef[header:]), nil
}

// UUIDOf finds the device's UUID in a URI of the kind that tags and printed codes
// have: the parameter uuid.
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
