// Package messagetest compares messages of the foundation models with their
// octets: those that the sample data of the specification has no example of.
// The octets follow from the drawing of each message.
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

// Octets reads hexadecimal digits.
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

// Samples writes and reads messages.
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

// Refusal is a message and parameters for it, in hexadecimal, that the
// specification prohibits.
type Refusal = struct {
	Message access.Message
	Params  string
}

// Refusals reads parameters and expects access.ErrProhibited.
func Refusals(t *testing.T, refusals []Refusal) {
	t.Helper()
	for _, c := range refusals {
		if err := access.Decode(Octets(t, c.Params), c.Message); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T %s: expected a prohibited value, got %+v, %v", c.Message, c.Params, c.Message, err)
		}
	}
}

// Pages reads octets as pages, each given twice, empty. What can be read is
// written and read again without a change.
func Pages(t *testing.T, data []byte, pages ...[2]access.Part) {
	t.Helper()
	for _, p := range pages {
		page, again := p[0], p[1]
		if access.DecodePart(data, page) != nil {
			continue
		}
		out, err := access.AppendPart(nil, page)
		if err != nil {
			t.Fatalf("%T of %x is read and not written: %v", page, data, err)
		}
		if err := access.DecodePart(out, again); err != nil || !reflect.DeepEqual(page, again) {
			t.Fatalf("%x is %+v, which becomes %+v, %v", data, page, again, err)
		}
	}
}
