package requester

import (
	"bytes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// The octets of every message that has a field for a key are kept out of the log
// and of what is published.
func TestMessagesThatCarryKeysAreKnown(t *testing.T) {
	messages, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	hidden := []byte(crypto.Key{}.String())
	found := 0
	for kind := range messages.All() {
		text, err := access.ToJSON(kind.New())
		if err != nil {
			continue // it has no fields that could all be zero
		}
		has := bytes.Contains(text, hidden)
		if has {
			found++
		}
		if has != CarriesKey(kind.Opcode) {
			t.Errorf("%s: a key among its fields: %t, CarriesKey says %t", kind.Name, has, !has)
		}
	}
	if found < 4 {
		t.Errorf("only %d messages with keys were found", found)
	}
}
