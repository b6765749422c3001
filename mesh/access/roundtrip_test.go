package access_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// seeds finds octets that are a valid message, for each possible length.
func seeds(k access.Kind) [][]byte {
	var all [][]byte
	for n := range 48 {
		for _, first := range []byte{0, 1, 2, 3, 0x3F, 0x40} {
			rising := make([]byte, n)
			for i := range rising {
				rising[i] = first + byte(i)
			}
			for _, params := range [][]byte{bytes.Repeat([]byte{first}, n), rising} {
				if access.Decode(params, k.New()) == nil {
					all = append(all, params)
				}
			}
		}
	}
	return all
}

// TestEveryMessageRoundTrips decodes the octets of a message with some of them
// replaced by random ones. What decodes is encoded and decoded again without a
// change, also through JSON.
func TestEveryMessageRoundTrips(t *testing.T) {
	for k := range registry(t).All() {
		t.Run(k.Name, func(t *testing.T) {
			known := seeds(k)
			if len(known) == 0 {
				t.Fatal("no octets decode as this message")
			}
			read := 0
			rapid.Check(t, func(t *rapid.T) {
				params := bytes.Clone(rapid.SampledFrom(known).Draw(t, "params"))
				if len(params) > 0 {
					octet := rapid.OneOf(rapid.ByteRange(0, 3), rapid.Byte())
					for range rapid.IntRange(0, len(params)).Draw(t, "changes") {
						params[rapid.IntRange(0, len(params)-1).Draw(t, "position")] = octet.Draw(t, "octet")
					}
				}
				if roundTrip(t, k, params) {
					read++
				}
			})
			if read == 0 {
				t.Error("no random octets decoded as this message")
			}
		})
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// roundTrip reports whether params are a valid message.
func roundTrip(t failer, k access.Kind, params []byte) bool {
	t.Helper()
	m := k.New()
	if access.Decode(params, m) != nil {
		return false
	}
	sent, err := access.Append(nil, m)
	if err != nil {
		t.Fatalf("%s %x decodes as %+v but does not encode: %v", k.Name, params, m, err)
	}
	op, written, err := access.ParseOpcode(sent)
	if err != nil || op != k.Opcode {
		t.Fatalf("%s: opcode %s, %v", k.Name, op, err)
	}
	again := k.New()
	if err := access.Decode(written, again); err != nil || !reflect.DeepEqual(m, again) {
		t.Fatalf("%s %x: %+v became %x, which is %+v, %v", k.Name, params, m, written, again, err)
	}
	text, err := access.ToJSON(m)
	if err != nil {
		t.Fatalf("%s %x: %v", k.Name, params, err)
	}
	if bytes.Contains(text, []byte("[key]")) {
		return true
	}
	back := k.New()
	if err := access.FromJSON(text, back); err != nil {
		t.Fatalf("%s %s: %v", k.Name, text, err)
	}
	if got, err := access.ToJSON(back); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("%s: %s became %s, %v", k.Name, text, got, err)
	}
	return true
}

// TestReusedMessageForgets decodes a long and then a short form into one
// message with one Codec.
func TestReusedMessageForgets(t *testing.T) {
	var c access.Codec
	for k := range registry(t).All() {
		m := k.New()
		for _, params := range slices.Backward(seeds(k)) {
			fresh := k.New()
			if err := access.Decode(params, fresh); err != nil {
				t.Fatal(err)
			}
			if err := c.Decode(params, m); err != nil {
				t.Errorf("%s %x: %v", k.Name, params, err)
				continue
			}
			got, errGot := c.Append(nil, m)
			expected, err := access.Append(nil, fresh)
			if err != nil || errGot != nil || !bytes.Equal(got, expected) {
				t.Errorf("%s %x: expected %x, got %x, %v, %v", k.Name, params, expected, got, err, errGot)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	r := registry(f)
	for _, v := range vectors.Models(f) {
		if len(v.Opcode) > 0 {
			f.Add(v.Payload())
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		op, params, err := access.ParseOpcode(payload)
		if err != nil || len(payload) > access.MaxPayload {
			return
		}
		if k, ok := r.ByOpcode(op); ok {
			roundTrip(t, k, params)
		}
	})
}

func FuzzFromJSON(f *testing.F) {
	r := registry(f)
	for _, v := range vectors.Models(f) {
		if len(v.Opcode) == 0 {
			continue
		}
		if m, err := r.Decode(v.Payload()); err == nil {
			text, err := access.ToJSON(m)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(r.Name(m.Opcode()), text)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		m, err := r.FromJSON(name, data)
		if err != nil {
			return
		}
		payload, err := access.Append(nil, m)
		if err != nil {
			return // longer than a message may be, or a part that JSON does not limit
		}
		_, params, err := access.ParseOpcode(payload)
		if err != nil {
			t.Fatal(err)
		}
		k, _ := r.ByOpcode(m.Opcode())
		if !roundTrip(t, k, params) {
			t.Fatalf("%s %s: encoded as %x, which does not decode", name, data, params)
		}
	})
}
