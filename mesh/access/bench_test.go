package access_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
)

func TestOctetsAllocateNothing(t *testing.T) {
	for _, c := range []struct {
		params string
		m      access.Message
	}{
		{"0001ff", new(generic.OnOffStatus)},
		{"44001100ff", new(light.LightnessStatus)},
		{"220b2003", new(sensor.Status)},
	} {
		var codec access.Codec
		params, out := octets(t, c.params), make([]byte, 0, access.MaxPayload)
		n := testing.AllocsPerRun(100, func() {
			if err := codec.Decode(params, c.m); err != nil {
				t.Fatal(err)
			}
			if _, err := codec.Append(out, c.m); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%T: %v allocations", c.m, n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name, params string
		m            access.Message
	}{
		{"OnOffStatus", "0001ff", new(generic.OnOffStatus)},
		{"LightnessStatus", "44001100ff", new(light.LightnessStatus)},
		{"SensorStatus", "220b2003e2091234", new(sensor.Status)},
	} {
		b.Run(c.name, func(b *testing.B) {
			var codec access.Codec
			params := octets(b, c.params)
			b.ReportAllocs()
			for b.Loop() {
				if err := codec.Decode(params, c.m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	var codec access.Codec
	m := &light.LightnessSet{Lightness: 0x8000, TID: 1, Transition: generic.Transition{Present: true, Time: 10}}
	out := make([]byte, 0, access.MaxPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Append(out, m); err != nil {
			b.Fatal(err)
		}
	}
}
