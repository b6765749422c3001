// Package vectors is the sample data of the Bluetooth Mesh specifications and of
// other stacks' tests as Go values: one type and one loader for each file.
//
//	crypto.json        Crypto        functions of Mesh Protocol 1.1, section 3.9
//	messages.json      Messages      whole messages through all layers, chapter 8
//	beacons.json       Beacons       beacons, service data, Proxy PDUs
//	provisioning.json  Provisioning  provisioning sessions and PDUs
//	models.json        Models        access messages and values of properties
//
// The files are part of the test binary. README.md says where each entry is from
// and what to know about it. A loader fails the test when a file has a member that
// its type has not: nothing in the files can be overlooked.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
)

// Hex is octets in the order of the air, written as hexadecimal digits.
type Hex []byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("vectors: expected hexadecimal digits, got %q: %w", text, err)
	}
	*h = b
	return nil
}

// String is the digits again.
func (h Hex) String() string { return hex.EncodeToString(h) }

// Number is a number of at most 32 bits, written as hexadecimal digits with the
// most significant one first.
type Number uint32

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 16, 32)
	if err != nil {
		return fmt.Errorf("vectors: expected a hexadecimal number, got %q: %w", text, err)
	}
	*n = Number(v)
	return nil
}

// Entry is what all entries have.
type Entry struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Source is where the values are from.
	Source string `json:"source"`
	// Recomputed says that an independent script got the same outputs.
	Recomputed bool   `json:"recomputed"`
	Note       string `json:"note"`
}

// Field is a field of a message by the name that the source has for it.
type Field struct {
	Name string `json:"name"`
	// Value is a number (float64), a string (words, or hexadecimal digits), a
	// bool, a list or an object of these.
	Value any `json:"value"`
	// Unit is that of the value, and Symbol what the source calls it. Most fields have neither.
	Unit   string `json:"unit"`
	Symbol any    `json:"symbol"`
}

// load reads a file.
func load[T any](t testing.TB, name string, text []byte) []T {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var entries []T
	if err := decoder.Decode(&entries); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(entries) == 0 {
		t.Fatalf("%s has no entries", name)
	}
	return entries
}
