package access_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// everything has one field of each kind.
type everything struct {
	u8      uint8
	u16     uint16
	u24     uint32
	u32     uint32
	u40     uint64
	i8      int8
	i16     int16
	i32     int32
	on      bool
	flag    bool
	low     uint8
	high    uint8
	word    uint8
	address mesh.Address
	index   mesh.KeyIndex
	first   mesh.KeyIndex
	second  mesh.KeyIndex
	label   mesh.UUID
	level   uint8
	pairs   []pair
	there   bool
	model   mesh.ModelID
}

type pair struct{ a, b uint8 }

func (p *pair) Fields(c *access.Codec) {
	c.Uint8("a", &p.a)
	c.Uint8("b", &p.b)
}

func (everything) Opcode() mesh.Opcode { return 0x01 }

func (m *everything) Fields(c *access.Codec) {
	c.Uint8("u8", &m.u8)
	c.Uint16("u16", &m.u16)
	c.Uint24("u24", &m.u24)
	c.Uint32("u32", &m.u32)
	c.Uint40("u40", &m.u40)
	c.Int8("i8", &m.i8)
	c.Int16("i16", &m.i16)
	c.Int32("i32", &m.i32)
	c.Bool("on", &m.on)
	c.Flag("flag", &m.flag)
	c.Reserved(2)
	c.Bits("low", &m.low, 2)
	c.Bits("high", &m.high, 3)
	c.Enum("word", &m.word, []string{"zero", "", "two"})
	c.Address("address", &m.address)
	c.KeyIndex("index", &m.index)
	c.KeyIndexPair("first", &m.first, "second", &m.second)
	c.UUID("label", &m.label)
	access.OrUnknown(c, "level", &m.level, 1, 0xFF)
	access.ListOf(c, "pairs", &m.pairs, 2, (*pair).Fields)
	if c.Optional("model", &m.there) {
		c.ModelID("model", &m.model)
	}
}

const (
	everythingOctets = "01" + "0201" + "030201" + "04030201" + "0504030201" + "ff" + "feff" + "fdffffff" + "01" +
		"b1" + "02" + "00c0" + "bc0a" + "236145" + "000102030405060708090a0b0c0d0e0f" + "ff" + "01020304"
	everythingJSON = `{"u8":1,"u16":258,"u24":66051,"u32":16909060,"u40":4328719365,"i8":-1,"i16":-2,"i32":-3,"on":true,` +
		`"flag":true,"low":2,"high":5,"word":"two","address":"0xc000","index":2748,"first":291,"second":1110,` +
		`"label":"000102030405060708090a0b0c0d0e0f","level":null,"pairs":[{"a":1,"b":2},{"a":3,"b":4}]`
)

func TestOneDescriptionForAllFourVisits(t *testing.T) {
	for _, c := range []struct{ name, octets, json string }{
		{"without optional", everythingOctets, everythingJSON + "}"},
		{"SIG model", everythingOctets + "0110", everythingJSON + `,"model":"1001"}`},
		{"vendor model", everythingOctets + "5d000110", everythingJSON + `,"model":"005d:1001"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			params := octets(t, c.octets)
			var m everything
			if err := access.Decode(params, &m); err != nil {
				t.Fatal(err)
			}
			if got, err := access.Append([]byte("x"), &m); err != nil || !bytes.Equal(got, append([]byte("x\x01"), params...)) {
				t.Errorf("octets: %x, %v", got, err)
			}
			got, err := access.ToJSON(&m)
			if err != nil || string(got) != c.json {
				t.Fatalf("JSON: %s, %v", got, err)
			}
			var back everything
			if err := access.FromJSON(got, &back); err != nil {
				t.Fatal(err)
			}
			if got, err := access.Append(nil, &back); err != nil || !bytes.Equal(got[1:], params) {
				t.Errorf("octets through JSON: %x, %v", got, err)
			}
		})
	}
}

func TestReservedBitsAreIgnored(t *testing.T) {
	params := octets(t, everythingOctets)
	var plain, set everything
	if err := access.Decode(params, &plain); err != nil {
		t.Fatal(err)
	}
	flags := bytes.IndexByte(params, 0xB1)
	params[flags] |= 0x06
	if err := access.Decode(params, &set); err != nil {
		t.Fatal(err)
	}
	a, _ := access.Append(nil, &plain)
	b, _ := access.Append(nil, &set)
	if !bytes.Equal(a, b) {
		t.Errorf("%x and %x", a, b)
	}
}

func TestEveryShorterMessageIsTruncated(t *testing.T) {
	params := octets(t, everythingOctets)
	for n := range params {
		if err := access.Decode(params[:n], new(everything)); !errors.Is(err, access.ErrTruncated) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	for _, extra := range []string{"01", "010203", "0102030405"} {
		err := access.Decode(append(octets(t, everythingOctets), octets(t, extra)...), new(everything))
		if !errors.Is(err, access.ErrTrailing) && !errors.Is(err, access.ErrTruncated) {
			t.Errorf("%s more: %v", extra, err)
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	err := access.Decode(nil, new(everything))
	if !errors.Is(err, access.ErrTruncated) || !strings.Contains(err.Error(), "u8") {
		t.Errorf("expected the first field in the error, got %v", err)
	}
}

func TestProhibitedValuesAreRefusedBothWays(t *testing.T) {
	m := everything{u24: 1 << 24}
	if got, err := access.Append([]byte{7}, &m); !errors.Is(err, access.ErrProhibited) || !bytes.Equal(got, []byte{7}) {
		t.Errorf("25 bits: %x, %v", got, err)
	}
	m = everything{low: 4}
	if _, err := access.Append(nil, &m); !errors.Is(err, access.ErrProhibited) {
		t.Errorf("three bits in two: %v", err)
	}
	params := octets(t, everythingOctets)
	params[bytes.Index(params, octets(t, "01b1"))] = 2
	if err := access.Decode(params, new(everything)); !errors.Is(err, access.ErrProhibited) {
		t.Errorf("bool of 2: %v", err)
	}
}

// crooked leaves four bits of an octet undescribed.
type crooked struct{ half uint8 }

func (crooked) Opcode() mesh.Opcode       { return 0x02 }
func (m *crooked) Fields(c *access.Codec) { c.Bits("half", &m.half, 4) }

func TestLayoutThatSplitsAnOctet(t *testing.T) {
	if err := access.Decode([]byte{0xFF}, new(crooked)); err == nil {
		t.Error("decoded")
	}
	if _, err := access.Append(nil, new(crooked)); err == nil {
		t.Error("encoded")
	}
}

func TestTooLongMessage(t *testing.T) {
	raw := access.Raw{Code: 0xC15D00, Params: make([]byte, access.MaxPayload-3)}
	if b, err := access.Append(nil, &raw); err != nil || len(b) != access.MaxPayload {
		t.Errorf("longest: %d octets, %v", len(b), err)
	}
	raw.Params = append(raw.Params, 0)
	if b, err := access.Append(nil, &raw); !errors.Is(err, access.ErrTooLong) || len(b) != 0 {
		t.Errorf("one more: %d octets, %v", len(b), err)
	}
}

// keyed carries a key.
type keyed struct{ key crypto.Key }

func (keyed) Opcode() mesh.Opcode       { return 0x03 }
func (m *keyed) Fields(c *access.Codec) { c.Key("app_key", &m.key) }

func TestKeysDoNotShowInJSON(t *testing.T) {
	const secret = "63964771734fbd76e3b40519d1d94a48"
	var m keyed
	if err := access.FromJSON([]byte(`{"app_key":"`+secret+`"}`), &m); err != nil {
		t.Fatal(err)
	}
	if b, err := access.Append(nil, &m); err != nil || !bytes.Equal(b[1:], octets(t, secret)) {
		t.Errorf("octets %x, %v", b, err)
	}
	out, err := access.ToJSON(&m)
	if err != nil || strings.Contains(string(out), secret[:6]) {
		t.Errorf("JSON %s, %v", out, err)
	}
	for _, in := range []string{
		`{"app_key":["` + secret + `"]}`, `{"app_key":"` + secret + `0"}`, `{"app_key":"` + secret[:30] + `zz"}`,
		`["` + secret + `"]`, `"` + secret + `"`,
	} {
		if err := access.FromJSON([]byte(in), &m); err == nil || strings.Contains(err.Error(), secret[:6]) {
			t.Errorf("error %v", err)
		}
	}
}
