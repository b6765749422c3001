package translate_test

import (
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// TestPlanLeavesNoTrace: of two devices that get the same commands and reports,
// one makes plans in between that are never sent. It takes the same transaction
// identifiers and reports the same states as the other.
func TestPlanLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		one, other := translate.Describe(bothLamp()), translate.Describe(bothLamp())
		first := transactionOf(t, one) - transactionOf(t, other) // they begin anywhere
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			for range rapid.IntRange(0, 3).Draw(rt, "plans") {
				if _, err := one.Plan("", anyCommand(rt, "unsent ")); err != nil {
					rt.Fatal(err)
				}
			}
			switch rapid.IntRange(0, 2).Draw(rt, "what") {
			case 0:
				c, answered := anyCommand(rt, ""), rapid.Bool().Draw(rt, "answered")
				for _, d := range []*translate.Device{one, other} {
					steps, err := d.Plan("", c)
					if err != nil {
						rt.Fatal(err)
					}
					sending := send(t, d, steps)
					for _, s := range steps {
						if status := obey(s.Message, device.Range{}); answered && status != nil {
							receive(t, d, s.Element, status)
						}
					}
					sending.End(answered)
				}
			case 1:
				receiveBoth(t, rt, one, other, 0, &light.LightnessStatus{PresentLightness: rapid.Uint16().Draw(rt, "lightness")})
			case 2:
				receiveBoth(t, rt, one, other, 0, &light.HSLStatus{
					HSLLightness: 0x7FFF, HSLHue: rapid.Uint16().Draw(rt, "hue"), HSLSaturation: rapid.Uint16().Draw(rt, "saturation"),
				})
			}
			if a, b := document(t, one), document(t, other); a != b {
				rt.Fatalf("states differ:\n with plans    %s\n without plans %s", a, b)
			}
		}
		if transactionOf(t, one)-transactionOf(t, other) != first {
			rt.Fatal("a plan took a transaction identifier")
		}
	})
}

func receiveBoth(t *testing.T, rt *rapid.T, one, other *translate.Device, element int, m access.Message) {
	t.Helper()
	if a, b := receive(t, one, element, m), receive(t, other, element, m); len(a.Changed) != len(b.Changed) {
		rt.Fatalf("%T: %v with plans, %v without", m, a.Changed, b.Changed)
	}
}

// transactionOf is the transaction identifier that a device takes next.
func transactionOf(t *testing.T, d *translate.Device) uint8 {
	t.Helper()
	steps := mustPlan(t, d, "", `{"state":"ON"}`)
	send(t, d, steps)
	return params(t, steps[0].Message)[tidAt(steps[0].Message)]
}

// TestSendEncodes: the messages of a plan carry one transaction identifier
// after the other, each time that it is sent.
func TestSendEncodes(t *testing.T) {
	d := translate.Describe(whiteLamp())
	steps := mustPlan(t, d, "", `{"state":"OFF","color_temp":3000}`)
	next := transactionOf(t, d)
	for range 2 {
		sending := send(t, d, steps)
		expected := []string{hex.EncodeToString([]byte{0x82, 0x64, 0xb8, 0x0b, 0, 0, next + 1}), hex.EncodeToString([]byte{0x82, 0x02, 0, next + 2})}
		for i, m := range sending.Messages {
			if got := hex.EncodeToString(m.Payload); got != expected[i] || m.Element != steps[i].Element || m.Respond != steps[i].Respond || m.Accept == nil {
				t.Errorf("message %d: %s %+v, expected %s", i, got, m, expected[i])
			}
		}
		next += 2
	}
}

// TestSendRefusesWhatCannotBeEncoded: nothing is expected then.
func TestSendRefusesWhatCannotBeEncoded(t *testing.T) {
	d := translate.Describe(bothLamp())
	steps := mustPlan(t, d, "", `{"color":{"h":0,"s":100}}`)
	told := &told{}
	steps[0].Expect = told
	steps = append(steps, translate.Step{Message: &generic.OnPowerUpSet{OnPowerUp: 9}})
	if _, err := d.Send(steps); err == nil {
		t.Fatal("a prohibited value was encoded")
	}
	if told.sent {
		t.Error("the function was told that the message is sent")
	}
}

type told struct{ sent, failed bool }

func (t *told) Sent()                   { t.sent = true }
func (t *told) Failed(*translate.State) { t.failed = true }
