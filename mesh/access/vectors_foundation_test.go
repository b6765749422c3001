package access_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
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
	case *foundation.ForwardingTableDependentsAdd:
		return takeFields(t, fields, dependents(&m.Dependents))
	case *foundation.ForwardingTableDependentsGetStatus:
		return takeFields(t, fields, dependents(&m.Dependents))
	case *foundation.ForwardingTableEntriesStatus:
		ours := map[string]any{}
		for i := range m.Entries {
			ours[fmt.Sprintf("entry[%d]", i)] = entry(&m.Entries[i])
		}
		return takeFields(t, fields, ours)
	}
	return takeFields(t, fields, intervals(t, m, fields))
}

// dependents is two lists as the vectors have them.
func dependents(d *foundation.Dependents) map[string]any {
	list := func(ranges []foundation.AddressRange) []any {
		var all []any
		for _, r := range ranges {
			all = append(all, addressRange(r))
		}
		return all
	}
	return map[string]any{
		"dependent_origin_ranges": list(d.DependentOriginRanges),
		"dependent_target_ranges": list(d.DependentTargetRanges),
	}
}

func addressRange(r foundation.AddressRange) map[string]any {
	return map[string]any{"primary": bare(r.RangeStart), "range_length": r.RangeLength}
}

// bare is an address as the vectors write it.
func bare(a mesh.Address) string { return fmt.Sprintf("%04x", uint16(a)) }

// entry is an entry of a forwarding table as the vectors have it.
func entry(e *foundation.PathEntry) map[string]any {
	bit := map[bool]int{true: 1}
	size := func(n uint16) int { return (int(n) + 0xFE) / 0xFF } // of the lists in the vectors
	header := bit[e.FixedPath] | bit[e.UnicastDestination]<<1 | bit[e.BackwardPathValidated]<<2 |
		bit[e.HasBearerTowardPathOrigin]<<3 | bit[e.HasBearerTowardPathTarget]<<4 |
		size(e.DependentOriginListSize)<<5 | size(e.DependentTargetListSize)<<7
	all := map[string]any{
		"header":                               fmt.Sprintf("%04x", header),
		"fixed_path":                           bit[e.FixedPath],
		"unicast_destination":                  bit[e.UnicastDestination],
		"backward_path_validated":              bit[e.BackwardPathValidated],
		"bearer_toward_path_origin_indicator":  bit[e.HasBearerTowardPathOrigin],
		"bearer_toward_path_target_indicator":  bit[e.HasBearerTowardPathTarget],
		"dependent_origin_list_size_indicator": size(e.DependentOriginListSize),
		"dependent_target_list_size_indicator": size(e.DependentTargetListSize),
		"path_origin_range":                    addressRange(e.PathOriginRange),
	}
	if !e.FixedPath {
		all["lane_counter"], all["path_remaining_time"] = e.LaneCounter, e.PathRemainingTime
		all["path_origin_forwarding_number"] = fmt.Sprintf("%02x", e.PathOriginForwardingNumber)
	}
	if e.UnicastDestination {
		all["path_target_range"] = addressRange(e.PathTargetRange)
	} else {
		all["multicast_destination"] = bare(e.MulticastDestination)
	}
	if n := e.DependentOriginListSize; n > 0 {
		all["dependent_origin_list_size"] = n
	}
	if n := e.DependentTargetListSize; n > 0 {
		all["dependent_target_list_size"] = n
	}
	if e.HasBearerTowardPathOrigin {
		all["bearer_toward_path_origin"] = fmt.Sprintf("%04x", e.BearerTowardPathOrigin)
	}
	if e.HasBearerTowardPathTarget {
		all["bearer_toward_path_target"] = fmt.Sprintf("%04x", e.BearerTowardPathTarget)
	}
	return all
}

// intervals is the intervals of retransmission that a message has as steps of
// 10 ms.
func intervals(t *testing.T, m access.Message, fields []field) map[string]any {
	t.Helper()
	text, err := access.ToJSON(m)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	ours := map[string]any{}
	for _, f := range fields {
		if steps, ok := members[f.Name+"_steps"].(float64); ok && strings.HasPrefix(f.Name, "directed_") {
			ours[f.Name] = (steps + 1) * 10
		}
	}
	return ours
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
