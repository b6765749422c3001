package topic_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

func topics(t testing.TB, base string) topic.Topics {
	t.Helper()
	topics, err := topic.New(base)
	if err != nil {
		t.Fatal(err)
	}
	return topics
}

// among makes the known function of a set of names.
func among(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func TestParse(t *testing.T) {
	b := topics(t, "home/mesh")
	known := among("lamp", "kitchen/left", "kitchen", "a/b/c/d", "bridges")
	tests := []struct {
		topic string
		want  topic.Parsed
	}{
		{b.State("lamp"), topic.Parsed{Kind: topic.State, Name: "lamp"}},
		{b.State("a/b/c/d"), topic.Parsed{Kind: topic.State, Name: "a/b/c/d"}},
		{b.Set("lamp"), topic.Parsed{Kind: topic.Set, Name: "lamp"}},
		{b.Set("bridges"), topic.Parsed{Kind: topic.Set, Name: "bridges"}},
		{b.Get("lamp"), topic.Parsed{Kind: topic.Get, Name: "lamp"}},
		{b.SetAttribute("lamp", "brightness"), topic.Parsed{Kind: topic.Set, Name: "lamp", Attribute: "brightness"}},
		{b.SetAttribute("a/b/c/d", "set"), topic.Parsed{Kind: topic.Set, Name: "a/b/c/d", Attribute: "set"}},
		{b.SetElement("lamp", "left"), topic.Parsed{Kind: topic.Set, Name: "lamp", Element: "left"}},
		{b.SetElement("a/b/c/d", "1"), topic.Parsed{Kind: topic.Set, Name: "a/b/c/d", Element: "1"}},
		{b.SetElement("lamp", "left") + "/state", topic.Parsed{Kind: topic.Set, Name: "lamp", Element: "left", Attribute: "state"}},
		{"home/mesh/lamp/left/get", topic.Parsed{Kind: topic.Get, Name: "lamp", Element: "left"}},
		// A whole name goes before an element of a shorter one.
		{b.SetElement("kitchen", "left"), topic.Parsed{Kind: topic.Set, Name: "kitchen/left"}},
		{b.SetElement("kitchen", "right"), topic.Parsed{Kind: topic.Set, Name: "kitchen", Element: "right"}},
		{b.SetResponse("lamp"), topic.Parsed{Kind: topic.SetResponse, Name: "lamp"}},
		{b.Availability("lamp"), topic.Parsed{Kind: topic.Availability, Name: "lamp"}},
		{b.Event("kitchen/left"), topic.Parsed{Kind: topic.Event, Name: "kitchen/left"}},
		{b.Message("lamp"), topic.Parsed{Kind: topic.Message, Name: "lamp"}},
		{b.BridgeState(), topic.Parsed{Kind: topic.Bridge, What: "state"}},
		{b.Bridge("set"), topic.Parsed{Kind: topic.Bridge, What: "set"}},
		{b.Request("scan"), topic.Parsed{Kind: topic.Request, What: "scan"}},
		{b.Request("device/ota_update/check"), topic.Parsed{Kind: topic.Request, What: "device/ota_update/check"}},
		{b.Response("device/rename"), topic.Parsed{Kind: topic.Response, What: "device/rename"}},
	}
	for _, tt := range tests {
		got, err := b.Parse(tt.topic, known)
		if err != nil || got != tt.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", tt.topic, got, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	b := topics(t, "b")
	known := among("lamp")
	tests := map[string]error{
		"":                     topic.ErrForeign,
		"b":                    topic.ErrForeign,
		"bb/lamp/set":          topic.ErrForeign,
		"homeassistant/status": topic.ErrForeign,
		"b/":                   topic.ErrSyntax,
		"b/set":                topic.ErrSyntax,
		"b/set/state":          topic.ErrSyntax,
		"b//set":               topic.ErrSyntax,
		"b/bridge":             topic.ErrSyntax,
		"b/bridge/":            topic.ErrSyntax,
		"b/bridge/request/":    topic.ErrSyntax,
		"b/lamp/":              topic.ErrUnknown,
		"b/lump/set":           topic.ErrUnknown,
		"b/lamp/left":          topic.ErrUnknown, // elements have no state topic of their own
		"b/lamp/a/b/set":       topic.ErrUnknown,
		"b/lamp/get/set":       topic.ErrUnknown, // a word of the grammar names no element
		"b/lamp//set":          topic.ErrUnknown,
	}
	for name, want := range tests {
		if got, err := b.Parse(name, known); !errors.Is(err, want) {
			t.Errorf("%q: %+v, error %v, expected %v", name, got, err, want)
		}
	}
	got, err := b.Parse("b/lump/set", known)
	if got.Kind != topic.Set || got.Name != "lump" || !strings.Contains(err.Error(), `"lump"`) {
		t.Errorf("an unknown name is not told: %+v, %v", got, err)
	}
	if _, err := (topic.Topics{}).Parse("x", known); !errors.Is(err, topic.ErrForeign) {
		t.Errorf("zero Topics: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	good := []string{
		"lamp", "Küche", "kitchen/left", "a/b/c/d", "0xyz", "bridges", "a/bridge", "set_top_box", "a$", "5", "Größe 3 (alt)", "💡", "हिन्दी",
		"the lamp", "response", strings.Repeat("x", topic.MaxNameLength), "灯",
	}
	for _, name := range good {
		if err := topic.CheckName(name); err != nil {
			t.Error(err)
		}
	}
	bad := map[string]string{
		"":                  "empty",
		"/lamp":             "slash",
		"lamp/":             "slash",
		"a//b":              "slashes",
		"a/b/c/d/e":         "5 parts",
		"lamp+":             "wildcard",
		"#":                 "wildcard",
		"a\x00b":            "U+0000",
		"a\nb":              "U+000A",
		"a\u0085b":          "U+0085",
		"\xff":              "UTF-8",
		" lamp":             "white space",
		"a/ b":              "white space",
		"bridge":            "bridge",
		"bridge/lamp":       "bridge",
		"set":               `"set"`,
		"lamp/set":          `"set"`,
		"lamp/get":          `"get"`,
		"lamp/availability": `"availability"`,
		"lamp/event":        `"event"`,
		"lamp/message":      `"message"`,
		"a/set/b":           `"set"`,
		"Bridge":            "bridge",
		"BRIDGE/lamp":       "bridge",
		"lamp/Set":          `"Set"`,
		"lamp/SET":          `"SET"`,
		"lamp/Availability": `"Availability"`,
		"$lamp":             "$",
		"a/$SYS":            "$",

		"0x00AA":                           "address",
		"0x5":                              "address",
		"0X00aa":                           "address",
		"0xC000":                           "address",
		"0x12345":                          "address",
		"0x0005/0":                         "address",
		"00000000000000000000000000000001": "UUID",
		"00000000-0000-0000-0000-000000000001/light": "UUID",
		"ABCDEFabcdef00000000000000000001":           "UUID",

		"lamp\u202Epmal": "U+202E",
		"la\u200Bmp":     "U+200B",
		"la\u00ADmp":     "U+00AD",
		"\uFEFFlamp":     "U+FEFF",
		"lamp\u200D":     "U+200D",
		"lamp\u2066":     "U+2066",
		"a\u00A0b":       "U+00A0",
		"a\u3000b":       "U+3000",
		"a\u2028b":       "U+2028",
		"\uE000":         "U+E000",
		"\U0010FFFD":     "U+10FFFD",
		"\uFFFE":         "U+FFFE",
		"\u0378":         "U+0378",
		"\uFFFD":         "U+FFFD",
		"\U000E0041":     "U+E0041",
		"\u0301":         "U+0301",
		"lamp/\u0301":    "U+0301",
		"lamp \u0301":    "U+0301",
		"\u20DD":         "U+20DD",
		"e\u0301":        "normalization form C",
		"\u212B":         "normalization form C", // the sign of the unit Å
		"\u3164":         "U+3164",
		"a\u115F":        "U+115F",
		"a\uFE0F":        "U+FE0F",
		"a\u034F":        "U+034F",
		"a\u2800":        "U+2800",
		strings.Repeat("ä", topic.MaxNameLength): "octets",
	}
	for name, says := range bad {
		err := topic.CheckName(name)
		if !errors.Is(err, topic.ErrName) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, expected one that mentions %s", name, err, says)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("the error is %d octets long", len(err.Error()))
		}
	}
	if err := topic.CheckElement("left"); err != nil {
		t.Error(err)
	}
	for _, element := range []string{"a/b", "", "set", "+"} {
		if err := topic.CheckElement(element); !errors.Is(err, topic.ErrName) {
			t.Errorf("element %q: %v", element, err)
		}
	}
}

// A name that comes from elsewhere is kept as similar as the rules allow.
func TestRepair(t *testing.T) {
	for name, want := range map[string]string{
		"lamp":                             "lamp",
		" lamp ":                           "lamp",
		"kitchen//left/":                   "kitchen/left",
		"a+b#":                             "a_b_",
		"0x00AA":                           "device_0x00AA",
		"bridge":                           "bridge_",
		"Bridge/x":                         "Bridge_/x",
		"lamp/set":                         "lamp/set_",
		"$SYS":                             "SYS",
		"la\u200Bmp":                       "lamp",
		"\u202Epmal":                       "pmal",
		"\u0301e":                          "e",
		"e\u0301":                          "\u00E9",
		"a/b/c/d/e":                        "a/b/c/d_e",
		"\xffa":                            "a",
		"":                                 "",
		"+":                                "_",
		"\u200B/\u200B":                    "",
		"00000000000000000000000000000001": "device_00000000000000000000000000000001",
	} {
		if got := topic.Repair(name); got != want {
			t.Errorf("%q: got %q, expected %q", name, got, want)
		}
	}
	if got := topic.Repair(strings.Repeat("ä", 1000)); topic.CheckName(got) != nil || len(got) < topic.MaxNameLength-1 {
		t.Errorf("a long name becomes %q", got)
	}
}

func TestFold(t *testing.T) {
	alike := [][2]string{{"Lamp", "lamp"}, {"KÜCHE", "küche"}, {"\uFF4Camp", "lamp"}, {"\uFB01x", "fix"}, {"e\u0301", "\u00C9"}}
	for _, pair := range alike {
		if topic.Fold(pair[0]) != topic.Fold(pair[1]) {
			t.Errorf("%q and %q are told apart", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{{"lamp", "lamb"}, {"a/b", "ab"}, {"küche", "kuche"}} {
		if topic.Fold(pair[0]) == topic.Fold(pair[1]) {
			t.Errorf("%q and %q are one", pair[0], pair[1])
		}
	}
}

func TestNewRefusesBadBases(t *testing.T) {
	for _, base := range []string{"", "/b", "b/", "b/#", "+", "$SYS/b", "a//b", "\xff", strings.Repeat("b", 300)} {
		if _, err := topic.New(base); !errors.Is(err, topic.ErrBase) {
			t.Errorf("%q: %v", base, err)
		}
	}
	if got := topics(t, "home/mesh").Base(); got != "home/mesh" {
		t.Errorf("base %q", got)
	}
}

// matches is the matching of MQTT 3.1.1 section 4.7.
func matches(filter, name string) bool {
	f, n := strings.Split(filter, "/"), strings.Split(name, "/")
	for i, level := range f {
		if level == "#" {
			return true
		}
		if i >= len(n) || level != "+" && level != n[i] {
			return false
		}
	}
	return len(f) == len(n)
}

// Names drawn at random, with a taste for the words of the grammar.
var nameGenerator = rapid.Custom(func(t *rapid.T) string {
	segment := rapid.OneOf(
		rapid.SampledFrom([]string{"set", "get", "event", "bridge", "request", "response", "availability", "message", "a", "b"}),
		rapid.StringN(1, 8, 20),
	)
	return strings.Join(rapid.SliceOfN(segment, 1, topic.MaxNameSegments).Draw(t, "segments"), "/")
})

// Whatever names exist, a topic that was built for one of them is parsed as what
// it was built for, and the subscriptions catch it if it comes from outside.
func TestBuiltTopicsAreParsedBack(t *testing.T) {
	b := topics(t, "home/mesh")
	valid := func(name string) bool { return topic.CheckName(name) == nil }
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(nameGenerator.Filter(valid), 1, 5).Draw(t, "names")
		name := rapid.SampledFrom(names).Draw(t, "name")
		attribute := rapid.StringMatching(`[a-z_]{1,10}`).Filter(func(s string) bool { return s != "response" }).Draw(t, "attribute")
		built := map[string]topic.Parsed{
			b.State(name):                   {Kind: topic.State, Name: name},
			b.Set(name):                     {Kind: topic.Set, Name: name},
			b.Get(name):                     {Kind: topic.Get, Name: name},
			b.SetAttribute(name, attribute): {Kind: topic.Set, Name: name, Attribute: attribute},
			b.SetResponse(name):             {Kind: topic.SetResponse, Name: name},
			b.Availability(name):            {Kind: topic.Availability, Name: name},
			b.Event(name):                   {Kind: topic.Event, Name: name},
			b.Message(name):                 {Kind: topic.Message, Name: name},
		}
		element := "element"
		if !slices.Contains(names, name+"/"+element) {
			built[b.SetElement(name, element)] = topic.Parsed{Kind: topic.Set, Name: name, Element: element}
		}
		for built, want := range built {
			got, err := b.Parse(built, among(names...))
			if err != nil || got != want {
				t.Fatalf("%s: got %+v, %v, expected %+v", built, got, err, want)
			}
			caught := slices.ContainsFunc(b.Filters(topic.MaxNameSegments), func(f string) bool { return matches(f, built) })
			if want.Kind.Incoming() && !caught {
				t.Fatalf("no subscription for %s", built)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	b := topics(f, "b")
	for _, seed := range []string{
		"b/lamp/set", "b/a/b/set/state", "b/bridge/request/x", "b/bridge/", "b//set", "b/set/set/set", "c", "b/\xff/get",
	} {
		f.Add(seed, "lamp", "a/b")
	}
	f.Fuzz(func(t *testing.T, name, one, two string) {
		p, err := b.Parse(name, among(one, two))
		if err != nil {
			return
		}
		if p.Kind == 0 || p.Kind.String() == "" {
			t.Errorf("%q: no kind", name)
		}
		if p.Name != "" && p.Name != one && p.Name != two {
			t.Errorf("%q: name %q does not exist", name, p.Name)
		}
		if (p.Name == "") == (p.What == "") && one != "" && two != "" {
			t.Errorf("%q: neither device nor bridge: %+v", name, p)
		}
	})
}

func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{"lamp", "a/b", "bridge", "a/set", "+", "\x00", "a//b", "0x00aa", "\u0301", "$\u0301", "e\u0301/\u202e"} {
		f.Add(seed)
	}
	b := topics(f, "b")
	f.Fuzz(func(t *testing.T, name string) {
		if repaired := topic.Repair(name); repaired != "" && topic.CheckName(repaired) != nil {
			t.Errorf("%q is repaired to %q: %v", name, repaired, topic.CheckName(repaired))
		}
		if topic.CheckName(name) != nil {
			return
		}
		if repaired := topic.Repair(name); repaired != name {
			t.Errorf("%q is valid, and repaired to %q", name, repaired)
		}
		for _, built := range []string{b.Set(name), b.Get(name)} {
			if p, err := b.Parse(built, among(name)); err != nil || p.Name != name {
				t.Errorf("%q is a valid name, but %q is parsed as %+v, %v", name, built, p, err)
			}
		}
	})
}
