package access_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseOpcodeBoundaries(t *testing.T) {
	for _, c := range []struct {
		payload string
		op      mesh.Opcode
		params  string
	}{
		{"00", 0x00, ""},
		{"0001", 0x00, "01"},
		{"7e", 0x7E, ""},
		{"8000", 0x8000, ""},
		{"807f00", 0x807F, "00"},
		{"bfff", 0xBFFF, ""},
		{"c00000", 0xC00000, ""},
		{"c15d0099", 0xC15D00, "99"},
		{"ffffff", 0xFFFFFF, ""},
	} {
		op, params, err := access.ParseOpcode(octets(t, c.payload))
		if err != nil || op != c.op || !bytes.Equal(params, octets(t, c.params)) {
			t.Errorf("%s: got %s with %x, %v", c.payload, op, params, err)
		}
	}
	for _, s := range []string{"", "7f", "7f00", "80", "bf", "c0", "c000", "ffff"} {
		if op, _, err := access.ParseOpcode(octets(t, s)); !errors.Is(err, access.ErrOpcode) {
			t.Errorf("%q: read as %s, %v", s, op, err)
		}
	}
}

func TestVendorOpcodeIsLittleEndianCompany(t *testing.T) {
	op, _, err := access.ParseOpcode([]byte{0xC1, 0x36, 0x01})
	if err != nil || op.Company() != 0x0136 || op != mesh.VendorOpcode(1, 0x0136) {
		t.Errorf("got %s of company %04x, %v", op, uint16(op.Company()), err)
	}
}

func TestAppendOpcodeRefusesWhatIsNone(t *testing.T) {
	for _, op := range []mesh.Opcode{0x7F, 0x80, 0xFF, 0x0100, 0x7FFF, 0xC000, 0xFFFF, 0x010000, 0xBFFFFF, 0x1000000} {
		if b, err := access.AppendOpcode(nil, op); !errors.Is(err, access.ErrOpcode) || len(b) != 0 {
			t.Errorf("%s: %x, %v", op, b, err)
		}
	}
}

func TestOpcodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "payload")
		op, params, err := access.ParseOpcode(payload)
		if err != nil {
			return
		}
		out, err := access.AppendOpcode(nil, op)
		if err != nil || !bytes.Equal(append(out, params...), payload) {
			t.Fatalf("%x: opcode %s back as %x, %v", payload, op, out, err)
		}
	})
}

func FuzzParseOpcode(f *testing.F) {
	for _, s := range []string{"", "7f", "00", "8201", "c15d00ff", "80"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		op, params, err := access.ParseOpcode(payload)
		if err != nil {
			return
		}
		if op.Size()+len(params) != len(payload) {
			t.Fatalf("%x: opcode %s of %d octets and %d of parameters", payload, op, op.Size(), len(params))
		}
	})
}
