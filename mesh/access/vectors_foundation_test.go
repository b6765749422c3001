package access_test

import (
	"bytes"
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
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/directedforwarding"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/largecomposition"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// takeFields compares fields of the vectors that a message represents in
// another form with the given values, and returns the other fields.
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

// testFoundation tests the fields of foundation messages whose form in JSON
// differs from the vectors.
func testFoundation(t *testing.T, m access.Message, fields []field) []field {
	t.Helper()
	switch m := m.(type) {
	case *remoteprovisioning.ScanReport:
		return takeFields(t, fields, map[string]any{"oob_information_octets": wire(uint16(m.OOBInformation))})
	case *remoteprovisioning.ExtendedScanStart:
		return takeFields(t, fields, map[string]any{
			"ad_type_filter_count": len(m.ADTypeFilter),
			"ad_type_filter":       hexEach(m.ADTypeFilter),
		})
	case *remoteprovisioning.ExtendedScanReport:
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
	case *directedforwarding.ForwardingTableDependentsAdd:
		return takeFields(t, fields, dependents(&m.Dependents))
	case *directedforwarding.ForwardingTableDependentsGetStatus:
		return takeFields(t, fields, dependents(&m.Dependents))
	case *directedforwarding.ForwardingTableEntriesStatus:
		ours := map[string]any{}
		for i := range m.Entries {
			ours[fmt.Sprintf("entry[%d]", i)] = entry(&m.Entries[i])
		}
		return takeFields(t, fields, ours)
	}
	return takeFields(t, testFirmware(t, m, fields), intervals(t, m, fields))
}

// testFirmware is testFoundation for the messages of the firmware models.
func testFirmware(t *testing.T, m access.Message, fields []field) []field {
	t.Helper()
	id := func(ours map[string]any, prefix string, v firmware.ID) {
		ours[prefix+"firmware_id.company"] = fmt.Sprintf("%04x", uint16(v.CompanyID))
		ours[prefix+"firmware_id.version"] = hex.EncodeToString(v.Version)
	}
	ours := map[string]any{}
	switch m := m.(type) {
	case *firmware.UpdateInformationStatus:
		for i, e := range m.Entries {
			prefix := fmt.Sprintf("entry[%d].", i)
			id(ours, prefix, e.FirmwareID)
			ours[prefix+"update_uri_octets"] = hex.EncodeToString([]byte(e.UpdateURI))
		}
		ours["firmware_information_list_count"] = m.FirmwareInformationListCount
	case *firmware.DistributionReceiversList:
		for i, r := range m.Receivers {
			prefix := fmt.Sprintf("entry[%d].", i)
			ours[prefix+"address"] = bare(r.Address)
			ours[prefix+"phase"] = uint8(r.Phase)
			ours[prefix+"update_status"] = uint8(r.UpdateStatus)
			ours[prefix+"transfer_status"] = uint8(r.TransferStatus)
			ours[prefix+"progress"] = 2 * r.TransferProgress
			ours[prefix+"image_index"] = r.ImageIndex
		}
	case *firmware.UpdateStatus:
		ours["blob_id"], ours["image_index"] = m.BLOBID.String(), m.ImageIndex
	case *firmware.DistributionUploadStatus:
		id(ours, "", m.FirmwareID)
		ours["upload_type"] = map[bool]int{true: 1}[m.OutOfBand]
	}
	return takeFields(t, fields, ours)
}

// dependents is two lists in the form of the vectors.
func dependents(d *directedforwarding.Dependents) map[string]any {
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

// bare is an address in the form of the vectors.
func bare(a mesh.Address) string { return fmt.Sprintf("%04x", uint16(a)) }

// entry is an entry of a forwarding table in the form of the vectors.
func entry(e *directedforwarding.PathEntry) map[string]any {
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

// intervals are the retransmit intervals of a message in steps of 10 ms.
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

// wire is a little-endian number as its octets read on the air.
func wire(v uint16) string { return fmt.Sprintf("%02x%02x", uint8(v), uint8(v>>8)) }

func hexEach(octets []uint8) []string {
	var all []string
	for _, b := range octets {
		all = append(all, hex.EncodeToString([]byte{b}))
	}
	return all
}

// samePart encodes and decodes a part, also through JSON.
func samePart[T any, P interface {
	*T
	access.Part
}](t *testing.T, raw []byte) P {
	t.Helper()
	p := P(new(T))
	if err := access.DecodePart(raw, p); err != nil {
		t.Fatal(err)
	}
	if got, err := access.AppendPart(nil, p); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("expected %x, got %x, %v", raw, got, err)
	}
	text, err := access.ToJSON(part{p.Fields})
	if err != nil {
		t.Fatal(err)
	}
	back := P(new(T))
	if err := access.FromJSON(text, part{back.Fields}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if got, err := access.AppendPart(nil, back); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("through JSON: expected %x, got %x, %v", raw, got, err)
	}
	return p
}

// testRelations tests page 1 of the composition data. An entry that is one item
// is put into a page.
func testRelations(t *testing.T, v *vector, raw []byte) {
	one := v.Field("number_s") == nil
	if one {
		raw = append([]byte{1, 0}, raw...)
	}
	page := samePart[configuration.Relations](t, raw)
	if len(page.Elements) != 1 {
		t.Fatalf("expected one element, got %+v", page)
	}
	e := page.Elements[0]
	ours := map[string]any{"number_s": len(e.SIGModels), "number_v": len(e.VendorModels)}
	if len(e.VendorModels) == 0 {
		ours["vendor_models"] = []any{}
	}
	for i, m := range e.SIGModels {
		prefix := fmt.Sprintf("sig_models[%d].", i)
		if one {
			prefix = ""
		}
		relations(ours, prefix, &m)
	}
	for i, m := range e.VendorModels {
		relations(ours, fmt.Sprintf("vendor_models[%d].", i), &m)
	}
	if left := takeFields(t, v.Fields, ours); len(left) > 0 {
		t.Errorf("not compared: %v", left)
	}
}

// trimPrefix removes a prefix from the names of fields.
func trimPrefix(fields []field, prefix string) []field {
	var all []field
	for _, f := range fields {
		all = append(all, field{Name: strings.TrimPrefix(f.Name, prefix), Value: f.Value})
	}
	return all
}

// relations is an item in the form of the vectors. Their library has the octets
// of the long format the other way round: nodes (Zephyr, ESP-IDF) send the
// offset first, as in the short format, and so do we.
func relations(ours map[string]any, prefix string, m *configuration.ModelRelations) {
	ours[prefix+"extended_items_count"] = len(m.Extends)
	ours[prefix+"corresponding_present"] = m.HasGroup
	ours[prefix+"corresponding_id"] = m.GroupID
	ours[prefix+"format"] = 0
	ours[prefix+"extended_models_items.short"] = []any{}
	for i, x := range m.Extends {
		if x.ModelIndex > 0x1F || x.ElementOffset > 3 {
			ours[prefix+"format"] = 1
			item := fmt.Sprintf("%sextended_models_items.long[%d].", prefix, i)
			ours[item+"model_item_index"], ours[item+"element_offset"] = uint8(x.ElementOffset), int8(x.ModelIndex)
			continue
		}
		item := fmt.Sprintf("%sextended_models_items.short[%d].", prefix, i)
		ours[item+"model_item_index"], ours[item+"element_offset"] = x.ModelIndex, x.ElementOffset
	}
}

func testMetadata(t *testing.T, v *vector, raw []byte) {
	page := samePart[largecomposition.Metadata](t, raw)
	ours := map[string]any{}
	for i, e := range page.Elements {
		var specified, vendor []any
		for _, m := range e.SIGModels {
			specified = append(specified, map[string]any{"model": m.Model.String(), "entries": metadata(m.Entries)})
		}
		for _, m := range e.VendorModels {
			vendor = append(vendor, map[string]any{
				"company": fmt.Sprintf("%04x", uint16(m.Model.Company())), "model": fmt.Sprintf("%04x", m.Model.Number()), "entries": metadata(m.Entries),
			})
		}
		ours[fmt.Sprintf("element[%d].sig_models", i)] = specified
		ours[fmt.Sprintf("element[%d].vendor_models", i)] = vendor
	}
	if left := takeFields(t, v.Fields, ours); len(left) > 0 {
		t.Errorf("not compared: %v", left)
	}
}

func metadata(entries []largecomposition.MetadataEntry) []any {
	var all []any
	for _, e := range entries {
		all = append(all, map[string]any{"length": len(e.Data), "id": fmt.Sprintf("%04x", e.ID), "metadata": hex.EncodeToString(e.Data)})
	}
	return all
}

// TestSampleMessages reads and writes the access messages of messages.json.
func TestSampleMessages(t *testing.T) {
	r, tested := registry(t), 0
	for _, v := range vectors.Messages(t) {
		if v.Kind != "access" {
			continue
		}
		tested++
		payload := v.AccessPayload
		if op, _, err := access.ParseOpcode(payload); err != nil || op.IsVendor() {
			if err != nil {
				t.Errorf("%s: %v", v.Name, err)
			}
			continue
		}
		m, err := r.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		same(t, v.Name, m, payload)
	}
	if tested != 76 {
		t.Errorf("expected 76 access messages, got %d", tested)
	}
}
