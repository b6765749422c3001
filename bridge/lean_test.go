package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// bindings lists the models that a node was told to bind.
func bindings(d *fake.Node) []mesh.ModelID {
	var models []mesh.ModelID
	for _, m := range d.Received(configuration.OpModelAppBind) {
		models = append(models, fake.Decode[configuration.ModelAppBind](m).ModelIdentifier)
	}
	return models
}

// The ranges of a product are read from its first device, also after a restart. An
// interview on request reads them again.
func TestProductIsAskedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		ranges := func(d *fake.Node) int {
			return len(d.Received(light.OpLightnessRangeGet, light.OpCTLTemperatureRangeGet))
		}
		w.start()
		first, second, third, other := fake.Lamp(uuid(1)), fake.Lamp(uuid(2)), fake.Lamp(uuid(3)), fake.Lamp(uuid(4))
		other.Composition.VersionID++
		w.join(map[string]*fake.Node{"first": first})
		w.join(map[string]*fake.Node{"second": second, "other": other})
		w.restart()
		w.join(map[string]*fake.Node{"third": third})
		for name, test := range map[string]struct {
			node *fake.Node
			want int
		}{"first": {first, 2}, "second": {second, 0}, "third": {third, 0}, "another version": {other, 2}} {
			if got := ranges(test.node); got != test.want {
				t.Errorf("%s was asked for %d ranges, expected %d", name, got, test.want)
			}
		}
		if got := strings.Count(w.listed("devices"), `"interview_state":"successful"`); got != 4 {
			t.Errorf("%d lamps were interviewed", got)
		}
		for _, d := range []*fake.Node{first, second, third} {
			if got := w.out.value("homeassistant/device/btmesh_" + d.UUID.String() + "/config"); !strings.Contains(got, `"max_kelvin":6500`) {
				t.Errorf("%s has no range: %s", d.UUID, got)
			}
		}
		w.request("device/interview", `{"id":"second"}`)
		if got := ranges(second); got != 2 {
			t.Errorf("an interview on request asked for %d ranges", got)
		}
	})
}

// The choice of publications holds for later interviews, and all can become fewer again.
func TestPublicationsOfADevice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		lamp := fake.Lamp(uuid(1))
		w.join(map[string]*fake.Node{"lamp": lamp})
		seen := 0
		for i, step := range []struct{ request, want string }{
			{``, "[1303 on]"}, // when it joined
			{`{"id":"lamp","publications":"all"}`, "[1000 on 1002 on 1300 on 1303 on 1002 on 1306 on]"},
			{`{"id":"lamp"}`, "[1000 on 1002 on 1300 on 1303 on 1002 on 1306 on]"},
			{`{"id":"lamp","publications":"needed"}`, "[1303 on 1000 off 1002 off 1300 off 1002 off 1306 off]"},
			{`{"id":"lamp"}`, "[1303 on]"},
		} {
			if step.request != "" {
				if r := w.request("device/interview", step.request); r["status"] != "ok" {
					t.Fatal(r)
				}
			}
			all := lamp.Received(configuration.OpModelPublicationSet)
			var got []string
			for _, m := range all[seen:] {
				in := fake.Decode[configuration.ModelPublicationSet](m)
				got = append(got, fmt.Sprint(in.ModelIdentifier, map[bool]string{true: " on", false: " off"}[in.PublishAddress == 1]))
			}
			seen = len(all)
			if fmt.Sprint(got) != step.want {
				t.Errorf("interview %d: %v, expected %s", i, got, step.want)
			}
		}
		w.refused("device/interview", `{"id":"lamp","publications":"some"}`, "bad_value")
	})
}

// The models of firmware updates are bound before their first use, and only once.
func TestUpdateModelsAreBoundWhenUsed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		d := updatable(1, w, false)
		w.join(map[string]*fake.Node{"plug": d})
		transfer := func() int {
			return len(slices.DeleteFunc(bindings(d), func(id mesh.ModelID) bool {
				return id != blob.TransferServerID && id != firmware.UpdateServerID
			}))
		}
		if got := transfer(); got != 0 {
			t.Errorf("%d of them were bound in the interview", got)
		}
		w.request("device/ota_update/check", `{"id":"plug"}`)
		if got := transfer(); got != 2 {
			t.Errorf("%d were bound for the first check, expected 2", got)
		}
		w.request("device/ota_update/check", `{"id":"plug"}`)
		pass(time.Second)
		w.restart()
		w.request("device/ota_update/check", `{"id":"plug"}`)
		if got := transfer(); got != 2 {
			t.Errorf("%d were bound after three checks, expected 2", got)
		}
	})
}

// A burst of changes makes one list, some seconds later, and a list that is as it was is
// not published.
func TestListsWaitForMore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
		pass(time.Minute)
		before := w.out.published("b/bridge/devices")
		for i := range 10 {
			name := fmt.Sprintf("plug%d", i)
			w.request("device/rename", fmt.Sprintf(`{"from":"%s","to":"%s"}`, map[bool]string{true: "plug", false: fmt.Sprintf("plug%d", i-1)}[i == 0], name))
		}
		pass(4 * time.Second)
		if got := w.out.published("b/bridge/devices") - before; got != 0 {
			t.Errorf("published %d times within 5 s of the first change", got)
		}
		pass(2 * time.Second)
		if got := w.out.published("b/bridge/devices") - before; got != 1 || !strings.Contains(w.out.value("b/bridge/devices"), `"plug9"`) {
			t.Errorf("published %d times, expected once with the last name", got)
		}
		w.request("device/rename", `{"from":"plug9","to":"other"}`)
		w.request("device/rename", `{"from":"other","to":"plug9"}`)
		pass(time.Minute)
		if got := w.out.published("b/bridge/devices") - before; got != 1 {
			t.Errorf("published %d times after two changes that undo each other", got-1)
		}
		// The bridge ends: nothing waits any more.
		w.request("device/rename", `{"from":"plug9","to":"last"}`)
		w.stop()
		if !strings.Contains(w.out.value("b/bridge/devices"), `"last"`) {
			t.Error("the last change is not in the list")
		}
		w.start()
		w.out.lose()
		w.send("homeassistant/status", "online")
		if w.out.value("b/bridge/devices") == "" {
			t.Error("the list was not published again for Home Assistant")
		}
	})
}
