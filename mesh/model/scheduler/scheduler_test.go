package scheduler_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scheduler"
)

// The entry of the vectors, decoded by hand.
func TestEntry(t *testing.T) {
	m := scheduler.ActionSet{Index: 3, Entry: scheduler.Entry{
		Year: 35, Month: 0x008, Day: 12, Hour: 5, Minute: 61, Second: 63, DayOfWeek: 0x20,
		Action: scheduler.RecallScene, TransitionTime: 0x45, SceneNumber: 10,
	}}
	if got, err := access.Append(nil, &m); err != nil || hex.EncodeToString(got) != "6033420056fa1f24450a00" {
		t.Errorf("%x, %v", got, err)
	}
	if err := access.Decode([]byte{16}, new(scheduler.ActionGet)); !errors.Is(err, access.ErrProhibited) {
		t.Errorf("index 16: %v", err)
	}
}
