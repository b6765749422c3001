package service

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/fleet"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// Another provisioner in the same network reads the bridge's composition, gives
// it keys and refreshes them, and the bridge reports this. But it cannot remove
// the bridge from the network.
func TestAnotherProvisioner(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	air := fleet.NewAir(t)
	adapter := air.NewAdapter()
	run := start(t, "run", "--mqtt.url", url, "--hci.adapters", adapter.Spec(), "--mqtt.key_export", "plain", "--log.format", "json")
	listens(o, 0)
	o.Send(base+"bridge/request/network/export", `{"keys":true}`)
	var exported struct {
		Data struct{ Network json.RawMessage }
	}
	if err := json.Unmarshal(o.Next(0, base+"bridge/response/network/export", `{"status":"ok"}`), &exported); err != nil {
		t.Fatal(err)
	}
	phone := air.NewProvisioner(exported.Data.Network)

	var page configuration.CompositionDataStatus
	if err := phone.Ask(&configuration.CompositionDataGet{}, &page); err != nil {
		t.Fatal(err)
	}
	composition, err := configuration.ParseComposition(page.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []mesh.ModelID{foundation.ConfigurationServerID, foundation.HealthServerID} {
		if !slices.Contains(composition.Elements[0].Models, id) {
			t.Errorf("the bridge has no %s", foundation.ModelName(id))
		}
	}

	var added configuration.AppKeyStatus
	if err := phone.Ask(&configuration.AppKeyAdd{AppKeyIndex: 0x0AB, AppKey: crypto.Key{5}}, &added); err != nil || added.Status != foundation.Success {
		t.Fatalf("%v, %v", added.Status, err)
	}
	o.AwaitLastMatch(base+"bridge/info", "with the AppKey", func(payload []byte) bool { return strings.Contains(string(payload), `171`) })
	var updated configuration.NetKeyStatus
	if err := phone.Ask(&configuration.NetKeyUpdate{NetKey: crypto.Key{6}}, &updated); err != nil || updated.Status != foundation.Success {
		t.Fatalf("%v, %v", updated.Status, err)
	}
	o.Next(0, base+"bridge/event", `{"type":"key_refresh","data":{"net_key":0,"phase":"distributing"}}`)

	mark := o.Mark()
	var kept configuration.AppKeyStatus
	if err := phone.Ask(&configuration.AppKeyDelete{}, &kept); err != nil || kept.Status != foundation.CannotRemove {
		t.Errorf("AppKey Delete: %v, %v", kept.Status, err)
	}
	o.Next(mark, base+"bridge/event", `{"type":"configuration_refused","data":{"by":"0x7000","message":"Config AppKey Delete"}}`)
	var reset configuration.NodeResetStatus
	if err := phone.Ask(&configuration.NodeReset{}, &reset); err == nil {
		t.Error("the bridge says that it has left its network")
	}
	o.Next(mark, base+"bridge/event", `{"type":"reset_refused","data":{"by":"0x7000"}}`)
	if err := phone.Ask(&configuration.CompositionDataGet{}, &page); err != nil {
		t.Error(err)
	}
	run.Stop()
}
