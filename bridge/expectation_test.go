package bridge_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// colorLamp is a light with colours.
func colorLamp() *fake.Node {
	return fake.Composed(uuid(7),
		[]mesh.ModelID{generic.OnOffServerID, light.LightnessServerID, light.HSLServerID},
		[]mesh.ModelID{light.HSLHueServerID}, []mesh.ModelID{light.HSLSaturationServerID})
}

// bothLamp is a light with colours and colour temperature.
func bothLamp() *fake.Node {
	return fake.Composed(uuid(7),
		[]mesh.ModelID{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID, light.HSLServerID},
		[]mesh.ModelID{light.CTLTemperatureServerID}, []mesh.ModelID{light.HSLHueServerID}, []mesh.ModelID{light.HSLSaturationServerID})
}

// After a colour command without an answer the bridge does not expect that
// colour any more: the next report counts.
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

// Reports that arrive during a command are published if the command gets no
// answer.
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

// The same for the colour mode: an old report is not the answer to a failed
// command.
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
