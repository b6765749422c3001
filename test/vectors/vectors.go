// Package vectors provides the sample data of the Bluetooth Mesh specifications
// and of the tests of other stacks as Go values: one type and one loader for
// each file.
//
//	crypto.json        Crypto        functions of Mesh Protocol 1.1, section 3.9
//	messages.json      Messages      whole messages through all layers, chapter 8
//	beacons.json       Beacons       beacons, service data, Proxy PDUs
//	provisioning.json  Provisioning  provisioning sessions and PDUs
//	models.json        Models        access messages and values of properties
//
// The files are embedded in the test binary. README.md gives the source of each
// entry and remarks about it. A loader fails the test if a file has a member
// that its type does not have, so no member is ignored.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
)

// Hex holds octets in transmission order, written as hexadecimal digits.
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

// String returns the hexadecimal digits.
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

// Entry holds the members that all entries have.
type Entry struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Source is the origin of the values.
	Source string `json:"source"`
	// Recomputed reports that an independent script got the same outputs.
	Recomputed bool   `json:"recomputed"`
	Note       string `json:"note"`
}

// Field is a field of a message with the name used in the source.
type Field struct {
	Name string `json:"name"`
	// Value is a number (float64), a string (text or hexadecimal digits), a
	// bool, a list or an object of these.
	Value any `json:"value"`
	// Unit is the unit of the value, Symbol its name in the source. Most fields
	// have neither.
	Unit   string `json:"unit"`
	Symbol any    `json:"symbol"`
}

// load decodes a file.
func load[T any](t testing.TB, name string, text []byte) []T {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var entries []T
	if err := decoder.Decode(&entries); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(entries) == 0 {
		t.Fatalf("%s: expected at least one entry, got none", name)
	}
	return entries
}
