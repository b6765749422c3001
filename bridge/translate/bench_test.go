package translate_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// BenchmarkReceive is a status of a lamp that says something new.
func BenchmarkReceive(b *testing.B) {
	tr := translate.Describe(whiteLamp())
	in := translate.Input{Time: start(), Opcode: light.OpCTLStatus}
	other := in
	in.Params = params(b, &light.CTLStatus{PresentCTLLightness: 1000, PresentCTLTemperature: 3000})
	other.Params = params(b, &light.CTLStatus{PresentCTLLightness: 50000, PresentCTLTemperature: 4000})
	b.ReportAllocs()
	for b.Loop() {
		in, other = other, in
		if u := tr.Receive(in); len(u.Changed) == 0 {
			b.Fatal("nothing changed")
		}
	}
}

// BenchmarkCommand is a slider of Home Assistant.
func BenchmarkCommand(b *testing.B) {
	tr := translate.Describe(whiteLamp())
	c := command(b, `{"state":"ON","brightness":128,"color_temp":3000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tr.Plan("", c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSend is the plan of that command on its way to the node.
func BenchmarkSend(b *testing.B) {
	tr := translate.Describe(whiteLamp())
	steps := mustPlan(b, tr, "", `{"state":"ON","brightness":128,"color_temp":3000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tr.Send(steps); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceiveEverything is one value of a device with many properties.
func BenchmarkReceiveEverything(b *testing.B) {
	tr := translate.Describe(everything())
	in := translate.Input{Time: start(), Element: 1, Opcode: 0x52, Params: []byte{0xa2, 0x0e, 0x34, 0x08}}
	b.ReportAllocs()
	for b.Loop() {
		if u := tr.Receive(in); !u.Known {
			b.Fatal("not known")
		}
	}
}
