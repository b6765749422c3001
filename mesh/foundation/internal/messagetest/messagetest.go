// Package messagetest compares messages of the foundation models with their
// octets, for messages without sample data in the specification. The octets
// follow from the field table of each message.
//
//	message ──access.Append──▶ octets ──access.Decode──▶ the same message
package messagetest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Octets decodes hexadecimal digits.
func Octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Sample is a message and its octets with the opcode, in hexadecimal.
type Sample = struct {
	Message access.Message
	Octets  string
}

// Samples encodes and decodes messages.
func Samples(t *testing.T, samples []Sample) {
	t.Helper()
	for _, c := range samples {
		got, err := access.Append(nil, c.Message)
		if err != nil || !bytes.Equal(got, Octets(t, c.Octets)) {
			t.Errorf("%T: expected %s, got %x, %v", c.Message, c.Octets, got, err)
			continue
		}
		_, params, err := access.ParseOpcode(got)
		if err != nil {
			t.Fatal(err)
		}
		again := reflect.New(reflect.TypeOf(c.Message).Elem()).Interface().(access.Message)
		if err := access.Decode(params, again); err != nil || !reflect.DeepEqual(c.Message, again) {
			t.Errorf("%T: expected %+v, got %+v, %v", c.Message, c.Message, again, err)
		}
	}
}

// Refusal is a message and prohibited parameters for it, in hexadecimal.
type Refusal = struct {
	Message access.Message
	Params  string
}

// Refusals decodes parameters and expects access.ErrProhibited.
func Refusals(t *testing.T, refusals []Refusal) {
	t.Helper()
	for _, c := range refusals {
		if err := access.Decode(Octets(t, c.Params), c.Message); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T %s: expected a prohibited value, got %+v, %v", c.Message, c.Params, c.Message, err)
		}
	}
}

// Pages decodes octets as pages. Each page is given twice, empty. A page that
// can be decoded must be the same after encoding and decoding it again.
func Pages(t *testing.T, data []byte, pages ...[2]access.Part) {
	t.Helper()
	for _, p := range pages {
		page, again := p[0], p[1]
		if access.DecodePart(data, page) != nil {
			continue
		}
		out, err := access.AppendPart(nil, page)
		if err != nil {
			t.Fatalf("%T: %x was decoded but cannot be encoded: %v", page, data, err)
		}
		if err := access.DecodePart(out, again); err != nil || !reflect.DeepEqual(page, again) {
			t.Fatalf("%x was decoded as %+v; encoded and decoded again it is %+v, %v", data, page, again, err)
		}
	}
}
