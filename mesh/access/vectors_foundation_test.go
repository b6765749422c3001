package access_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// takeFields compares fields of the vectors that a message holds in another
// form with what it gives for them, and returns the others.
func takeFields(t *testing.T, fields []field, ours map[string]any) []field {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(fields), func(f field) bool {
		got, ok := ours[f.Name]
		if ok && fmt.Sprint(got) != fmt.Sprint(f.Value) {
			t.Errorf("%s: expected %v, got %v", f.Name, f.Value, got)
		}
		return ok
	})
}

// testFoundation tests the fields of foundation messages that JSON has in
// another form than the vectors.
func testFoundation(t *testing.T, m access.Message, fields []field) []field {
	t.Helper()
	switch m := m.(type) {
	case *foundation.RemoteProvisioningScanReport:
		return takeFields(t, fields, map[string]any{"oob_information_octets": wire(uint16(m.OOBInformation))})
	case *foundation.RemoteProvisioningExtendedScanStart:
		return takeFields(t, fields, map[string]any{
			"ad_type_filter_count": len(m.ADTypeFilter),
			"ad_type_filter":       hexEach(m.ADTypeFilter),
		})
	case *foundation.RemoteProvisioningExtendedScanReport:
		ours := map[string]any{"oob_information_octets": wire(uint16(m.OOBInformation))}
		if len(m.ADStructures) > 2 {
			le, value := binary.LittleEndian, m.ADStructures[2:]
			switch m.ADStructures[1] {
			case 0x03: // complete list of 16-bit service UUIDs
				ours["service_uuids"] = []string{fmt.Sprintf("%04x", le.Uint16(value)), fmt.Sprintf("%04x", le.Uint16(value[2:]))}
			case 0x16: // service data, 16-bit UUID
				ours["service_data_uuid"] = fmt.Sprintf("%04x", le.Uint16(value))
				ours["service_data"] = hex.EncodeToString(value[2:])
			}
		}
		return takeFields(t, fields, ours)
	}
	return fields
}

// wire is a little endian number as its octets read on the air.
func wire(v uint16) string { return fmt.Sprintf("%02x%02x", uint8(v), uint8(v>>8)) }

func hexEach(octets []uint8) []string {
	var all []string
	for _, b := range octets {
		all = append(all, hex.EncodeToString([]byte{b}))
	}
	return all
}
