package mesh_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

func TestAddressKinds(t *testing.T) {
	for _, c := range []struct {
		address                        mesh.Address
		unicast, virtual, group, fixed bool
	}{
		{0x0000, false, false, false, false},
		{0x0001, true, false, false, false},
		{0x7FFF, true, false, false, false},
		{0x8000, false, true, false, false},
		{0xBFFF, false, true, false, false},
		{0xC000, false, false, true, false},
		{0xFEFF, false, false, true, false},
		{0xFF00, false, false, true, true},
		{0xFFFF, false, false, true, true},
	} {
		a := c.address
		if a.IsUnicast() != c.unicast || a.IsVirtual() != c.virtual || a.IsGroup() != c.group || a.IsFixedGroup() != c.fixed {
			t.Errorf("%s: unicast %t, virtual %t, group %t, fixed %t", a, a.IsUnicast(), a.IsVirtual(), a.IsGroup(), a.IsFixedGroup())
		}
	}
}

func TestTextRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := mesh.Address(rapid.Uint16().Draw(t, "address"))
		if got, err := mesh.ParseAddress(address.String()); err != nil || got != address {
			t.Fatalf("address %s: got %s, %v", address, got, err)
		}
		model := mesh.ModelID(rapid.Uint32().Draw(t, "model"))
		if got, err := mesh.ParseModelID(model.String()); err != nil || got != model {
			t.Fatalf("model %s: got %s, %v", model, got, err)
		}
		var uuid mesh.UUID
		copy(uuid[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		if got, err := mesh.ParseUUID(uuid.String()); err != nil || got != uuid {
			t.Fatalf("uuid %s: got %s, %v", uuid, got, err)
		}
	})
}

func TestParseRefusesWhatIsNone(t *testing.T) {
	for _, s := range []string{"", "1234", "0x", "0x12345", "0xg000", "-0x1"} {
		if a, err := mesh.ParseAddress(s); err == nil {
			t.Errorf("address %q: read as %s", s, a)
		}
	}
	for _, s := range []string{"", "10000", "ffff:1000", "1:2:3", "x"} {
		if m, err := mesh.ParseModelID(s); err == nil {
			t.Errorf("model %q: read as %s", s, m)
		}
	}
	for _, s := range []string{"", "00", "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff00"} {
		if u, err := mesh.ParseUUID(s); err == nil {
			t.Errorf("uuid %q: read as %s", s, u)
		}
	}
}

func TestVendorOpcode(t *testing.T) {
	o := mesh.VendorOpcode(0x01, 0x005D)
	if o != 0xC15D00 || o.Company() != 0x005D || o.Size() != 3 || !o.IsVendor() || o.String() != "c15d00" {
		t.Errorf("opcode %s, company %04x, size %d", o, uint16(o.Company()), o.Size())
	}
	if o := mesh.Opcode(0x8201); o.Size() != 2 || o.IsVendor() || o.String() != "8201" {
		t.Errorf("opcode %s, size %d", o, o.Size())
	}
	for _, o := range []mesh.Opcode{0x00, 0x02, 0x8201, 0xC15D00} {
		var got mesh.Opcode
		if err := got.UnmarshalText([]byte(o.String())); err != nil || got != o {
			t.Errorf("opcode %s: got %s, %v", o, got, err)
		}
	}
	for _, s := range []string{"", "2", "082", "008201", "1000000", "zz"} {
		var o mesh.Opcode
		if err := o.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("opcode %q: read as %s", s, o)
		}
	}
	if o := mesh.Opcode(0x02); o.Size() != 1 || o.String() != "02" {
		t.Errorf("opcode %s, size %d", o, o.Size())
	}
}
