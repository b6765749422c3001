package clock_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/clock"
)

func TestOctets(t *testing.T) {
	m := clock.Status{TAISeconds: 644347837, HasMoment: true, Moment: clock.Moment{
		Subsecond: 26, Uncertainty: 1780, TimeAuthority: true, TAIUTCDelta: 37, TimeZoneOffset: 120,
	}}
	if got, err := access.Append(nil, &m); err != nil || hex.EncodeToString(got) != "5dbdf76726001ab2490248" {
		t.Errorf("%x, %v", got, err)
	}
	if got, err := access.Append(nil, &clock.Status{}); err != nil || hex.EncodeToString(got) != "5d0000000000" {
		t.Errorf("not known: %x, %v", got, err)
	}
}

func TestNumbersThatHaveNoOctets(t *testing.T) {
	for _, m := range []access.Message{
		&clock.ZoneSet{TimeZoneOffsetNew: 10},
		&clock.ZoneSet{TimeZoneOffsetNew: -975},
		&clock.ZoneSet{TimeZoneOffsetNew: 2880},
		&clock.DeltaSet{TAIUTCDeltaNew: -256},
		&clock.DeltaSet{TAIUTCDeltaNew: 32513},
		&clock.Set{Moment: clock.Moment{Uncertainty: 5}},
		&clock.RoleSet{TimeRole: 4},
	} {
		if got, err := access.Append(nil, m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%+v: %x, %v", m, got, err)
		}
	}
}
