package access_test

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// lengths finds how many octets of parameters a message can have.
func lengths(k access.Kind) []int {
	var all []int
	for n := range 48 {
		for _, first := range []byte{0, 1, 2, 3, 0x3F} {
			rising := make([]byte, n)
			for i := range rising {
				rising[i] = first + byte(i)
			}
			if access.Decode(bytes.Repeat([]byte{first}, n), k.New()) == nil || access.Decode(rising, k.New()) == nil {
				all = append(all, n)
				break
			}
		}
	}
	return all
}

// TestEveryMessageRoundTrips reads random octets as each message; what can be
// read is written and read again without a change, by way of JSON too.
func TestEveryMessageRoundTrips(t *testing.T) {
	for k := range registry(t).All() {
		t.Run(k.Name, func(t *testing.T) {
			sizes := lengths(k)
			if len(sizes) == 0 {
				t.Fatal("no octets are this message")
			}
			read := 0
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.SampledFrom(sizes).Draw(t, "length")
				octet := rapid.OneOf(rapid.ByteRange(0, 3), rapid.Byte())
				params := rapid.SliceOfN(octet, n, n).Draw(t, "params")
				if roundTrip(t, k, params) {
					read++
				}
			})
			if read == 0 {
				t.Error("no random octets were this message")
			}
		})
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// roundTrip reports whether params are the message.
func roundTrip(t failer, k access.Kind, params []byte) bool {
	t.Helper()
	m := k.New()
	if access.Decode(params, m) != nil {
		return false
	}
	sent, err := access.Append(nil, m)
	if err != nil {
		t.Fatalf("%s %x is read as %+v but not written: %v", k.Name, params, m, err)
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

// TestReusedMessageForgets reads a long and then a short form into one message
// with one Codec.
func TestReusedMessageForgets(t *testing.T) {
	var c access.Codec
	for k := range registry(t).All() {
		sizes := lengths(k)
		m := k.New()
		for i := len(sizes) - 1; i >= 0; i-- {
			for fill := range byte(4) {
				params := bytes.Repeat([]byte{fill}, sizes[i])
				fresh := k.New()
				if access.Decode(params, fresh) != nil {
					continue
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
}

func FuzzDecode(f *testing.F) {
	r := registry(f)
	for _, v := range vectors(f) {
		if v.Opcode != "" {
			f.Add(octets(f, v.Opcode+v.Parameters))
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
	for _, v := range vectors(f) {
		if v.Opcode == "" {
			continue
		}
		if m, err := r.Decode(octets(f, v.Opcode+v.Parameters)); err == nil {
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
			return // longer than a message may be, or a part that JSON does not bound
		}
		_, params, err := access.ParseOpcode(payload)
		if err != nil {
			t.Fatal(err)
		}
		k, _ := r.ByOpcode(m.Opcode())
		if !roundTrip(t, k, params) {
			t.Fatalf("%s %s: written as %x, which is not read", name, data, params)
		}
	})
}
