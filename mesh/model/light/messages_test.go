package light_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// TestOctets has messages that the vectors do not contain; the octets follow
// from the layouts in section 6.3.
func TestOctets(t *testing.T) {
	second := generic.Transition{Present: true, Time: 10, Delay: 1}
	for _, c := range []struct {
		m        access.Message
		expected string
	}{
		{&light.LightnessStatus{PresentLightness: 1, HasTarget: true, TargetLightness: 0x1234, RemainingTime: 10}, "824e010034120a"},
		{&light.LightnessSetUnacknowledged{LightnessSet: light.LightnessSet{Lightness: 0xFFFF, TID: 3}}, "824dffff03"},
		{&light.LightnessRangeSet{RangeMin: 1, RangeMax: 0xFFFF}, "825b0100ffff"},
		{&light.CTLStatus{PresentCTLLightness: 1, PresentCTLTemperature: 2, HasTarget: true, TargetCTLLightness: 3, TargetCTLTemperature: 4, RemainingTime: 5}, "8260010002000300040005"},
		{&light.CTLTemperatureStatus{PresentCTLTemperature: 2, PresentCTLDeltaUV: -1, HasTarget: true, TargetCTLTemperature: 4, TargetCTLDeltaUV: 1, RemainingTime: 5}, "82660200ffff0400010005"},
		{&light.CTLTemperatureRangeStatus{Status: generic.CannotSetRangeMax, RangeMin: 800, RangeMax: 20000}, "826302" + "2003" + "204e"},
		{&light.CTLDefaultStatus{Lightness: 1, Temperature: 2, DeltaUV: 3}, "8268010002000300"},
		{&light.HSLSet{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3, TID: 4, Transition: second}, "8276010002000300040a01"},
		{&light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3}, "8278010002000300"},
		{&light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3, HasRemainingTime: true, RemainingTime: 4}, "827801000200030004"},
		{&light.HSLTargetStatus{HSLLightnessTarget: 1, HSLHueTarget: 2, HSLSaturationTarget: 3}, "827a010002000300"},
		{&light.HSLHueSet{Hue: 0x8000, TID: 1}, "826f008001"},
		{&light.HSLHueStatus{PresentHue: 1, HasTarget: true, TargetHue: 2, RemainingTime: 3}, "82710100020003"},
		{&light.HSLSaturationStatus{PresentSaturation: 1}, "82750100"},
		{&light.HSLRangeStatus{HueRangeMin: 1, HueRangeMax: 2, SaturationRangeMin: 3, SaturationRangeMax: 4}, "827e000100020003000400"},
		{&light.HSLDefaultSet{Lightness: 1, Hue: 2, Saturation: 3}, "827f010002000300"},
		{&light.XYLSet{XYLLightness: 1, XYLX: 2, XYLY: 3, TID: 4}, "828401000200030004"},
		{&light.XYLRangeSet{XRangeMin: 1, XRangeMax: 2, YRangeMin: 3, YRangeMax: 4}, "828f0100020003000400"},
		{&light.LCModeSet{Mode: true}, "829201"},
		{&light.LCLightOnOffStatus{PresentLightOnOff: true, HasTarget: true, RemainingTime: 3}, "829c010003"},
		{&light.LCPropertyStatus{PropertyID: 0x36, PropertyValue: []byte{1, 2, 3}}, "643600010203"},
	} {
		got, err := access.Append(nil, c.m)
		if err != nil || hex.EncodeToString(got) != c.expected {
			t.Errorf("%T: expected %s, got %x, %v", c.m, c.expected, got, err)
		}
	}
}

func TestTargetIsWholeOrAbsent(t *testing.T) {
	for _, c := range []struct {
		params   []byte
		expected error
	}{
		{[]byte{1, 0}, nil},
		{[]byte{1, 0, 2}, access.ErrTruncated},
		{[]byte{1, 0, 2, 0}, access.ErrTruncated},
		{[]byte{1, 0, 2, 0, 3}, nil},
		{[]byte{1, 0, 2, 0, 3, 4}, access.ErrTrailing},
	} {
		if err := access.Decode(c.params, new(light.LightnessStatus)); !errors.Is(err, c.expected) {
			t.Errorf("%x: %v", c.params, err)
		}
	}
}

func TestProhibitedValues(t *testing.T) {
	for _, c := range []struct {
		m      access.Message
		params []byte
	}{
		{new(light.LightnessRangeSet), []byte{0, 0, 1, 0}},
		{new(light.LCModeSet), []byte{2}},
		{new(light.LCLightOnOffSet), []byte{2, 0}},
		{new(light.LCPropertyGet), []byte{0, 0}},
		{new(light.LightnessSet), []byte{0, 0, 0, 0x3F, 0}},
	} {
		if err := access.Decode(c.params, c.m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%T %x: %v", c.m, c.params, err)
		}
	}
}
