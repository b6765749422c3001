package translate_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// virtual is a virtual device with the functions that were built for it.
// Everything that the device reports goes to the functions.
type virtual struct {
	*servertest.Bench
	*translate.Device
	elements []access.Element
	// early is whether publications are heard before the answer.
	early bool
	// watch is called whenever something has been heard.
	watch func()
}

func newVirtual(t testing.TB, elements []access.Element) *virtual {
	t.Helper()
	v := &virtual{elements: elements}
	var compositions []models
	var all []access.Model
	for _, e := range elements {
		var ids models
		for _, m := range e.Models {
			ids = append(ids, m.ID())
			if m.ID().Number() >= 0x1000 { // the others need a node
				all = append(all, m)
			}
		}
		compositions = append(compositions, ids)
	}
	v.Bench = servertest.New(t, all...)
	v.Device = translate.Describe(record(compositions...))
	return v
}

// hear gives a message of the device to its functions.
func (v *virtual) hear(element int, m access.Message) {
	v.Helper()
	u := v.Receive(translate.Input{Time: v.Time, Element: element, Opcode: m.Opcode(), Params: params(v.TB, m)})
	if !u.Known {
		v.Errorf("%T %+v of element %d is not known", m, m, element)
	}
	if v.watch != nil {
		v.watch()
	}
}

// hearPublished hears what was published.
func (v *virtual) hearPublished() {
	v.Helper()
	published := v.Published
	v.Published = nil
	for _, p := range published {
		for i, e := range v.elements {
			if carries(e, p.Model) {
				v.hear(i, p.Message)
				break
			}
		}
	}
}

func carries(e access.Element, id mesh.ModelID) bool {
	for _, m := range e.Models {
		if m.ID() == id {
			return true
		}
	}
	return false
}

// run sends steps and hears the answers, which have to be the ones expected.
func (v *virtual) run(steps []translate.Step, err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
	sending := send(v.TB, v.Device, steps)
	defer sending.End(true)
	for _, a := range steps {
		status := v.deliver(a)
		if status == nil || status.Opcode() != a.Respond {
			v.Fatalf("%T is to be answered with %s, the device answers %T", a.Message, a.Respond, status)
		}
		if v.early {
			v.hearPublished()
		}
		v.hear(a.Element, status)
		v.hearPublished()
	}
}

func (v *virtual) deliver(a translate.Step) access.Message {
	v.Helper()
	for _, m := range v.elements[a.Element].Models {
		for _, op := range m.Opcodes() {
			if op == a.Message.Opcode() {
				return v.To(m, servertest.Source, a.Message)
			}
		}
	}
	v.Fatalf("element %d has no model that takes %T", a.Element, a.Message)
	return nil
}

func (v *virtual) set(text string) {
	v.Helper()
	v.run(v.Plan("", command(v.TB, text)))
}

// later lets time pass, so that transitions come to an end.
func (v *virtual) later(d time.Duration) {
	v.Helper()
	v.Pass(d)
	v.hearPublished()
}

func TestVirtualPlug(t *testing.T) {
	v := newVirtual(t, device.NewPlug().Elements())
	v.run(v.Query("", nil))
	expectState(t, v.Device, `{"state":"OFF"}`)
	v.set(`{"state":"TOGGLE"}`)
	expectState(t, v.Device, `{"state":"ON"}`)
	v.set(`{"state":"OFF","transition":3}`)
	expectState(t, v.Device, `{"state":"OFF"}`)
	v.later(5 * time.Second)
	expectState(t, v.Device, `{"state":"OFF"}`)
}

func TestVirtualLamp(t *testing.T) {
	v := newVirtual(t, device.NewLamp().Elements())
	v.run(v.Query("", nil))
	v.set(`{"state":"ON","brightness":128,"color_temp":3000}`)
	expectState(t, v.Device, `{"brightness":128,"color_mode":"color_temp","color_temp":3000,"state":"ON"}`)
	v.set(`{"color_temp":4000,"transition":5}`)
	expectState(t, v.Device, `{"brightness":128,"color_mode":"color_temp","color_temp":4000,"state":"ON"}`)
	v.later(10 * time.Second)
	expectState(t, v.Device, `{"brightness":128,"color_mode":"color_temp","color_temp":4000,"state":"ON"}`)
	v.set(`{"state":"OFF"}`)
	expectState(t, v.Device, `{"brightness":128,"color_mode":"color_temp","color_temp":4000,"state":"OFF"}`)
	v.set(`{"state":"ON"}`)
	expectState(t, v.Device, `{"brightness":128,"color_mode":"color_temp","color_temp":4000,"state":"ON"}`)
	v.set(`{"brightness":1}`)
	expectState(t, v.Device, `{"brightness":1,"color_mode":"color_temp","color_temp":4000,"state":"ON"}`)
	v.set(`{"brightness":0}`)
	expectState(t, v.Device, `{"brightness":1,"color_mode":"color_temp","color_temp":4000,"state":"OFF"}`)
}

func TestVirtualColorLamp(t *testing.T) {
	v := newVirtual(t, device.NewColorLamp().Elements())
	v.run(v.Query("", nil))
	v.set(`{"color":{"h":240,"s":100}}`)
	expectState(t, v.Device, `{"brightness":255,"color":{"h":240,"s":100},"color_mode":"hs","state":"ON"}`)
	v.set(`{"brightness":100}`)
	expectState(t, v.Device, `{"brightness":100,"color":{"h":240,"s":100},"color_mode":"hs","state":"ON"}`)
	v.set(`{"state":"OFF"}`)
	expectState(t, v.Device, `{"brightness":100,"color":{"h":240,"s":100},"color_mode":"hs","state":"OFF"}`)
	v.set(`{"state":"ON"}`)
	expectState(t, v.Device, `{"brightness":100,"color":{"h":240,"s":100},"color_mode":"hs","state":"ON"}`)
	v.set(`{"color":{"h":30,"s":55.5},"brightness":200,"transition":4}`)
	const there = `{"brightness":200,"color":{"h":30,"s":55.5},"color_mode":"hs","state":"ON"}`
	expectState(t, v.Device, there)
	for range 5 { // and there it stays, whatever is published on the way
		v.later(time.Second)
		expectState(t, v.Device, there)
	}
	v.run(v.Query("", nil))
	expectState(t, v.Device, there)
}

func TestVirtualColorLampDoesWhatIsAsked(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := newVirtual(t, device.NewColorLamp().Elements())
		v.run(v.Query("", nil))
		v.early = rapid.Bool().Draw(rt, "published before the answer")
		for range 3 {
			before := v.State()
			h := float64(rapid.IntRange(0, 35999).Draw(rt, "hue")) / 100
			s := float64(rapid.IntRange(1, 1000).Draw(rt, "saturation")) / 10
			b := rapid.IntRange(1, 255).Draw(rt, "brightness")
			fade := rapid.IntRange(0, 3).Draw(rt, "transition")
			v.watch = func() {
				now := v.State()
				old := now["color"] == before["color"] && now["brightness"] == before["brightness"]
				asked := now["color"] == (translate.Color{H: h, S: s}) && now["brightness"] == b
				if !old && !asked {
					rt.Fatalf("from %v to %g %g %d: on the way %v", before, h, s, b, now)
				}
			}
			v.set(fmt.Sprintf(`{"color":{"h":%g,"s":%g},"brightness":%d,"transition":%d}`, h, s, b, fade))
			check := func(when string) {
				if state := v.State(); state["color"] != (translate.Color{H: h, S: s}) || state["brightness"] != b || state["state"] != "ON" {
					rt.Fatalf("%s: asked for %g %g %d, is %v", when, h, s, b, state)
				}
			}
			check("at once")
			v.later(5 * time.Second)
			check("later")
		}
	})
}
