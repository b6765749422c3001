package names_test

import (
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/names"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Two names meet exactly if a topic built for one of them can be parsed as one of the
// other.
func TestMeet(t *testing.T) {
	b, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{
		"plug", "plug/0", "plug/00", "plug/1", "plug/switch", "plug/switch_2", "plug/light", "plug/temperature", "plug/property_1234",
		"plug/lamp", "plug/lamp/0", "plug/lamp/left", "plug/0/1", "plug2", "plu", "plug/state", "plug/left",
	}
	meet := map[string][]string{
		"plug":      {"plug/0", "plug/00", "plug/1", "plug/switch", "plug/switch_2", "plug/light", "plug/temperature", "plug/property_1234"},
		"plug/lamp": {"plug/lamp/0"},
		"plug/0":    {"plug/0/1"},
	}
	for _, one := range all {
		for _, other := range all {
			want := one == other || slices.Contains(meet[one], other) || slices.Contains(meet[other], one)
			if got := names.Meet(one, other); got != want {
				t.Errorf("%q and %q meet: %t, expected %t", one, other, got, want)
			}
			var set names.Set
			set.Add(other)
			set.Add("plug/lamp/5")
			set.Remove("plug/lamp/5")
			if got := set.Meets(one); got != want {
				t.Errorf("%q meets {%q}: %t, expected %t", one, other, got, want)
			}
			if set.Remove(other); set.Meets(one) {
				t.Errorf("%q meets a name that was given back", one)
			}
			if want || one == other {
				continue
			}
			// With both devices there, every topic of each is its own.
			known := func(name string) bool { return name == one || name == other }
			for _, built := range []string{b.Set(one), b.Get(one), b.SetAttribute(one, "state"), b.SetElement(one, "0"), b.SetElement(one, "switch")} {
				if p, err := b.Parse(built, known); err != nil || p.Name != one {
					t.Errorf("with %q, %s is parsed as %+v, %v", other, built, p, err)
				}
			}
		}
	}
	for _, pair := range [][2]string{{"Plug", "plug"}, {"PLUG/0", "plug"}, {"plug", "plug/Switch"}, {"\uFF50lug", "plug"}} {
		if !names.Alike(pair[0], pair[1]) || names.Meet(pair[0], pair[1]) {
			t.Errorf("%q and %q", pair[0], pair[1])
		}
	}
}

func TestSimilar(t *testing.T) {
	free := func(name string) bool { return !names.Meet(name, "plug") }
	for name, want := range map[string]string{
		"plug/0": "plug_0", "plug/switch": "plug_switch", "plug": "", "lamp": "lamp", "0x00AA": "device_0x00AA", "\u200B": "",
	} {
		if got := names.Similar(name, free); got != want {
			t.Errorf("%q: got %q, expected %q", name, got, want)
		}
	}
}
