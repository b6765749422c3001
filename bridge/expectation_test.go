package bridge_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// colorLamp is a light that shows colours.
func colorLamp() *fake.Node {
	return fake.Composed(uuid(7),
		[]mesh.ModelID{generic.OnOffServerID, light.LightnessServerID, light.HSLServerID},
		[]mesh.ModelID{light.HSLHueServerID}, []mesh.ModelID{light.HSLSaturationServerID})
}

// bothLamp is a light that shows colours and colour temperatures.
func bothLamp() *fake.Node {
	return fake.Composed(uuid(7),
		[]mesh.ModelID{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID, light.HSLServerID},
		[]mesh.ModelID{light.CTLTemperatureServerID}, []mesh.ModelID{light.HSLHueServerID}, []mesh.ModelID{light.HSLSaturationServerID})
}

// After a colour command without an answer the lamp is not on its way to that
// colour: the next report counts.
func TestUnansweredColorLeavesNoExpectation(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		lamp := colorLamp()
		w.start()
		w.join(map[string]*fake.Node{"lamp": lamp})
		w.report(lamp, 0, &light.HSLStatus{HSLLightness: 100 * 257})
		w.expect("b/lamp", `{"brightness":100,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)
		lamp.SetSilent(true)
		w.send("b/lamp/set", `{"color":{"h":240,"s":100}}`)
		pass(2 * fake.Silence)
		w.report(lamp, 0, &light.LightnessStatus{PresentLightness: 50 * 257})
		w.expect("b/lamp", `{"brightness":50,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)
	})
}

// Reports that arrive while the command waits for its answer are published when
// the answer does not come.
func TestReportsDuringAnUnansweredColorArePublished(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		lamp := colorLamp()
		w.start()
		w.join(map[string]*fake.Node{"lamp": lamp})
		w.report(lamp, 0, &light.HSLStatus{HSLLightness: 100 * 257})
		lamp.SetSilent(true)
		w.send("b/lamp/set", `{"color":{"h":240,"s":100}}`)
		w.report(lamp, 0, &light.LightnessStatus{PresentLightness: 50 * 257})
		pass(2 * fake.Silence)
		w.expect("b/lamp", `{"brightness":50,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)
		w.restart()
		w.expect("b/lamp", `{"brightness":50,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)
	})
}

// The same for the colour mode: an old report does not become the answer to a
// command that failed.
func TestUnansweredColorLeavesTheColorMode(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		lamp := bothLamp()
		w.start()
		w.join(map[string]*fake.Node{"lamp": lamp})
		w.report(lamp, 0, &light.HSLStatus{HSLLightness: 65535})
		w.report(lamp, 0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 3000})
		w.report(lamp, 1, &light.CTLTemperatureStatus{PresentCTLTemperature: 4000})
		const before = `{"brightness":255,"color":{"h":0,"s":0},"color_mode":"color_temp","color_temp":4000,"state":"ON"}`
		w.expect("b/lamp", before)
		lamp.SetSilent(true)
		w.send("b/lamp/set", `{"color":{"h":0,"s":0}}`)
		pass(2 * fake.Silence)
		w.report(lamp, 0, &light.HSLStatus{HSLLightness: 65535})
		w.expect("b/lamp", before)
	})
}
