package generic_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// TestOctets has messages that the vectors do not contain; the octets follow
// from the layouts in section 3.2.
func TestOctets(t *testing.T) {
	for _, c := range []struct {
		m        access.Message
		expected string
	}{
		{&generic.OnPowerUpSet{OnPowerUp: generic.PowerUpRestore}, "821302"},
		{&generic.OnPowerUpStatus{OnPowerUp: generic.PowerUpDefault}, "821201"},
		{&generic.DefaultTransitionTimeSet{TransitionTime: 0x41}, "820e41"},
		{&generic.DefaultTransitionTimeSetUnacknowledged{DefaultTransitionTimeSet: generic.DefaultTransitionTimeSet{TransitionTime: 0x41}}, "820f41"},
		{&generic.PowerLevelStatus{PresentPower: 1, HasTarget: true, TargetPower: 2, RemainingTime: 3}, "82180100020003"},
		{&generic.PowerRangeStatus{Status: generic.CannotSetRangeMin, RangeMin: 1, RangeMax: 0x1234}, "821e0101003412"},
		{&generic.LocationLocalStatus{LocalNorth: -1, LocalEast: 2, LocalAltitude: 3, FloorNumber: 4, Uncertainty: 5}, "8227ffff02000300040500"},
		{&generic.UserPropertyStatus{PropertyID: 0x8C}, "4e8c00"},
		{&generic.UserPropertyStatus{PropertyID: 0x8C, HasValue: true, Access: generic.ReadWrite, PropertyValue: []byte{5}}, "4e8c000305"},
		{&generic.ManufacturerPropertiesStatus{}, "43"},
	} {
		got, err := access.Append(nil, c.m)
		if err != nil || hex.EncodeToString(got) != c.expected {
			t.Errorf("%T: expected %s, got %x, %v", c.m, c.expected, got, err)
		}
	}
}

func TestProhibitedValues(t *testing.T) {
	for _, c := range []struct {
		m      access.Message
		params []byte
	}{
		{new(generic.OnOffStatus), []byte{2}},
		{new(generic.OnOffStatus), []byte{0, 2, 0}},
		{new(generic.OnPowerUpSet), []byte{3}},
		{new(generic.DefaultTransitionTimeSet), []byte{0x7F}},
		{new(generic.BatteryStatus), []byte{101, 0, 0, 0, 0, 0, 0, 0}},
		{new(generic.PowerRangeSet), []byte{0, 0, 1, 0}},
		{new(generic.UserPropertyGet), []byte{0, 0}},
		{new(generic.AdminPropertySet), []byte{1, 0, 4}},
	} {
		if err := access.Decode(c.params, c.m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T %x: %v", c.m, c.params, err)
		}
	}
}

func TestUnknownBatteryIsNull(t *testing.T) {
	m := generic.BatteryStatus{
		BatteryLevel: generic.UnknownBatteryLevel, TimeToDischarge: generic.UnknownBatteryTime, TimeToCharge: 90,
		Presence: generic.BatteryRemovable, Indicator: generic.BatteryLow, Charging: generic.BatteryNotChargeable,
		Serviceability: generic.BatteryServiceRequired,
	}
	const expected = `{"battery_level":null,"time_to_discharge":null,"time_to_charge":90,"presence":"removable",` +
		`"indicator":"low","charging":"not chargeable","serviceability":"required"}`
	text, err := access.ToJSON(&m)
	if err != nil || string(text) != expected {
		t.Fatalf("%s, %v", text, err)
	}
	var back generic.BatteryStatus
	if err := access.FromJSON(text, &back); err != nil || back != m {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestUnacknowledgedHasTheSameLayout(t *testing.T) {
	set := generic.LevelSet{Level: -5, TID: 9, Transition: generic.Transition{Present: true, Time: 1, Delay: 2}}
	acknowledged, err := access.Append(nil, &set)
	if err != nil {
		t.Fatal(err)
	}
	unacknowledged, err := access.Append(nil, &generic.LevelSetUnacknowledged{LevelSet: set})
	if err != nil || !bytes.Equal(acknowledged[2:], unacknowledged[2:]) || bytes.Equal(acknowledged, unacknowledged) {
		t.Errorf("%x and %x, %v", acknowledged, unacknowledged, err)
	}
}
