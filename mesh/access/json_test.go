package access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

func TestFromJSONSaysWhatIsWrong(t *testing.T) {
	whole := everythingJSON + `,"model":"1001"}`
	replace := func(from, to string) string { return strings.Replace(whole, from, to, 1) }
	for _, c := range []struct{ name, json, says string }{
		{"missing", replace(`"u16":258,`, ``), "u16 is missing"},
		{"unknown", replace(`"u16"`, `"U16":1,"u16"`), `unknown field "U16"`},
		{"too large", replace(`"u8":1`, `"u8":256`), "u8: expected a whole number from 0 to 255, got 256"},
		{"too small", replace(`"i8":-1`, `"i8":-129`), "from -128 to 127"},
		{"fraction", replace(`"u8":1`, `"u8":1.5`), "got 1.5"},
		{"negative", replace(`"u8":1`, `"u8":-1`), "got -1"},
		{"null", replace(`"u8":1`, `"u8":null`), "got null"},
		{"word", replace(`"two"`, `"three"`), `expected one of ["zero" "two"], got "three"`},
		{"bool", replace(`"on":true`, `"on":"ON"`), "expected true or false, got a string"},
		{"bits", replace(`"low":2`, `"low":4`), "from 0 to 3"},
		{"address", replace(`"0xc000"`, `"c000"`), "address"},
		{"model", replace(`"1001"`, `"x"`), "model"},
		{"label", replace(`0e0f"`, `0e"`), "expected 16 octets"},
		{"list", replace(`[{"a":1,"b":2},{"a":3,"b":4}]`, `3`), "pairs: expected a list, got 3"},
		{"item", replace(`{"a":1,"b":2}`, `{"a":1}`), "b is missing"},
		{"unknown in item", replace(`{"a":1,"b":2}`, `{"a":1,"b":2,"c":3}`), `unknown field "c"`},
		{"not an object", `[1]`, "expected an object, got a list"},
		{"null message", `null`, "expected an object"},
		{"not JSON", `{`, "expected an object"},
		{"too long", `{"u8":` + strings.Repeat(" ", 1<<17) + `1}`, "expected at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := access.FromJSON([]byte(c.json), new(everything))
			if !errors.Is(err, access.ErrJSON) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("expected %q, got %v", c.says, err)
			}
		})
	}
}

func TestJSONInOtherWords(t *testing.T) {
	in := strings.NewReplacer(`"on":true`, `"on":1`, `"two"`, `2`, `"0xc000"`, `49152`, `null`, `255`).Replace(everythingJSON + "}")
	var m everything
	if err := access.FromJSON([]byte(in), &m); err != nil {
		t.Fatal(err)
	}
	if out, err := access.ToJSON(&m); err != nil || string(out) != everythingJSON+"}" {
		t.Errorf("%s, %v", out, err)
	}
}

func TestRegistry(t *testing.T) {
	r, err := access.NewRegistry(generic.Messages())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Generic OnOff Set", "generic onoff set", "GENERIC_ONOFF_SET"} {
		m, err := r.FromJSON(name, []byte(`{"onoff":true,"tid":7,"transition_time":1.5}`))
		if err != nil {
			t.Fatal(err)
		}
		set, ok := m.(*generic.OnOffSet)
		if !ok || !set.OnOff || set.TID != 7 || set.Transition != (generic.Transition{Present: true, Time: 15}) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m, err := r.FromJSON("Generic OnOff Get", nil); err != nil || m.Opcode() != generic.OpOnOffGet {
		t.Errorf("no fields: %v, %v", m, err)
	}
	if _, err := r.FromJSON("Generic Nothing", nil); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := r.Decode([]byte{0xC1, 0x5D, 0x00}); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("unknown opcode: %v", err)
	}
	if _, err := r.Decode(nil); !errors.Is(err, access.ErrOpcode) {
		t.Errorf("empty payload: %v", err)
	}
	if got := r.Name(generic.OpOnOffStatus) + ", " + r.Name(0xC15D00); got != "Generic OnOff Status, c15d00" {
		t.Errorf("names %s", got)
	}
	if m, err := r.Decode([]byte{0x82, 0x04, 1}); err != nil || !m.(*generic.OnOffStatus).PresentOnOff {
		t.Errorf("decoded %+v, %v", m, err)
	}
}

func TestRegistryRefusesTwoOfAKind(t *testing.T) {
	kind := access.Describe[everything]("Everything")
	if _, err := access.NewRegistry([]access.Kind{kind}, []access.Kind{kind}); err == nil {
		t.Error("one opcode twice")
	}
	other := kind
	other.Opcode = mesh.Opcode(0x05)
	if _, err := access.NewRegistry([]access.Kind{kind, other}); err == nil {
		t.Error("one name twice")
	}
}
