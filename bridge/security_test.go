package bridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// told reports an event of the node a hundred times, and expects one event that begins
// like this, and one warning with some words.
func (w *world) told(t *testing.T, e node.Event, event string, words ...string) {
	t.Helper()
	w.out.take("b/bridge/event")
	w.out.take("b/bridge/logging")
	for range 100 {
		w.svc.Report(e)
	}
	pass(time.Second)
	if got := w.out.take("b/bridge/event"); len(got) != 1 || !strings.HasPrefix(got[0], event) {
		t.Errorf("events %v, want one %s", got, event)
	}
	got := w.out.take("b/bridge/logging")
	if len(got) != 1 {
		t.Fatalf("%d warnings, want one: %v", len(got), got)
	}
	for _, word := range words {
		if !strings.Contains(got[0], word) {
			t.Errorf("the warning does not say %q: %s", word, got[0])
		}
	}
}

// What a Configuration Client wants of the bridge in vain is told with its sender and
// its fields, and counted.
func TestRefusedConfigurationIsTold(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		w.told(t, node.ConfigurationRefused{By: 0x1234, Opcode: configuration.OpAppKeyDelete, Params: []byte{0, 0, 0}},
			`{"data":{"by":"0x1234","fields":{"net_key_index":0,"app_key_index":0},"message":"Config AppKey Delete"},"type":"configuration_refused"}`,
			"0x1234", "Config AppKey Delete", "device key of the bridge")
		pass(time.Minute)
		if health := w.out.value("b/bridge/health"); !strings.Contains(health, `"configuration_refused":100`) {
			t.Errorf("health %s", health)
		}
		w.told(t, node.KeysGiven{By: plug.Address(), Opcode: configuration.OpNetKeyUpdate},
			`{"data":{"by":"`+plug.Address().String()+`","friendly_name":"plug","message":"Config NetKey Update"},"type":"keys_given"}`,
			"Config NetKey Update")
	})
}

// A device whose messages look like replays is named, until it is heard again.
func TestSilencedDeviceIsNamed(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		a := plug.Address()
		e := node.SourceSilenced{
			Src: a, Listed: transport.ReplayEntry{Src: a, Seq: 900000}, Heard: transport.ReplayEntry{Src: a, Seq: 105},
			Refused: 5, Since: time.Unix(1700000000, 0),
		}
		w.told(t, e, `{"data":{"address":"`+a.String()+`","friendly_name":"plug","heard_seq":105,"listed_seq":900000,"refused":5,"silenced":true,"since":"2023-11-14T22:13:20Z"},"type":"device_silenced"}`,
			a.String(), "device/refresh", "network/iv_update", "2023-11-14T22:13:20Z")
		if health := w.out.value("b/bridge/health"); !strings.Contains(health, `"silenced":[{"address":"`+a.String()+`","friendly_name":"plug"`) {
			t.Errorf("health %s", health)
		}
		e.Refused = 0
		w.svc.Report(e)
		pass(time.Second)
		if health := w.out.value("b/bridge/health"); strings.Contains(health, `"security"`) {
			t.Errorf("health %s", health)
		}
	})
}

// Somebody else who sends from the address of the bridge is told, and what it means for
// the bridge.
func TestOwnAddressHeardIsTold(t *testing.T) {
	household(t, func(t *testing.T, w *world, _, _ *fake.Node) {
		w.told(t, node.OwnAddressHeard{Src: 1, Seq: 5000, Next: 7, Skipped: true, Count: 1},
			`{"data":{"address":"0x0001","count":1,"last":"2000-01-01T`, "another bridge", "copy of this store", "5000")
	})
}

// A beacon that is not believed is told.
func TestClaimedIVIndexIsTold(t *testing.T) {
	household(t, func(t *testing.T, w *world, _, _ *fake.Node) {
		w.out.take("b/bridge/event")
		w.svc.Report(node.IVIndexClaimed{IVIndex: mesh.IVIndex(7)})
		w.svc.Report(node.IVIndexClaimed{IVIndex: mesh.IVIndex(7), Contradicted: true})
		w.svc.Report(node.KeyRefreshHeld{})
		pass(time.Second)
		got := w.out.take("b/bridge/event")
		want := []string{
			`{"data":{"contradicted":false,"in_progress":false,"iv_index":7},"type":"iv_index_claimed"}`,
			`{"data":{"contradicted":true,"in_progress":false,"iv_index":7},"type":"iv_index_claimed"}`,
			`{"data":{"net_key":0},"type":"key_refresh_held"}`,
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("events %v", got)
		}
	})
}
