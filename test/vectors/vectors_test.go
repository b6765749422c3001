package vectors_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// TestFiles loads all files. Each must have the number of entries given in
// README.md, and each entry a name, a kind and a source.
func TestFiles(t *testing.T) {
	check := func(file string, want int, entries []vectors.Entry) {
		t.Helper()
		if len(entries) != want {
			t.Errorf("%s: %d entries, expected %d", file, len(entries), want)
		}
		for i, e := range entries {
			if e.Name == "" || e.Kind == "" || e.Source == "" {
				t.Errorf("%s: entry %d: expected a name, a kind and a source, got %+v", file, i, e)
			}
		}
	}
	check("crypto.json", 69, heads(vectors.Crypto(t), func(e *vectors.CryptoEntry) vectors.Entry { return e.Entry }))
	check("messages.json", 115, heads(vectors.Messages(t), func(e *vectors.MessageEntry) vectors.Entry { return e.Entry }))
	check("beacons.json", 36, heads(vectors.Beacons(t), func(e *vectors.BeaconEntry) vectors.Entry { return e.Entry }))
	check("provisioning.json", 18, heads(vectors.Provisioning(t), func(e *vectors.ProvisioningEntry) vectors.Entry { return e.Entry }))
	check("models.json", 278, heads(vectors.Models(t), func(e *vectors.ModelEntry) vectors.Entry { return e.Entry }))
}

func heads[T any](entries []T, head func(*T) vectors.Entry) []vectors.Entry {
	var all []vectors.Entry
	for i := range entries {
		all = append(all, head(&entries[i]))
	}
	return all
}

func TestText(t *testing.T) {
	var h vectors.Hex
	if err := h.UnmarshalText([]byte("00fF")); err != nil || h.String() != "00ff" {
		t.Errorf("%v, %v", h, err)
	}
	var n vectors.Number
	if err := n.UnmarshalText([]byte("ffffffff")); err != nil || n != 0xFFFFFFFF {
		t.Errorf("%v, %v", n, err)
	}
	for _, bad := range []string{"0", "0g", "0x00"} {
		if err := h.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was decoded as octets", bad)
		}
	}
	for _, bad := range []string{"", "g", "-1", "100000000"} {
		if err := n.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was decoded as a number", bad)
		}
	}
}
