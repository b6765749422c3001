package bridge_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
)

// TestImportedDevice: a device of an imported network is listed with its name
// at once, and is interviewed at the first start. The interview does not change
// its publications.
func TestImportedDevice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		plug := fake.Plug(uuid(1))
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			if m.Opcode != configuration.OpModelPublicationGet {
				return nil, false
			}
			in := fake.Decode[configuration.ModelPublicationGet](m)
			return &configuration.ModelPublicationStatus{
				ElementAddress: in.ElementAddress, ModelIdentifier: in.ModelIdentifier, PublishAddress: 0xC001,
			}, true
		}
		w.net.Join(plug)
		record := device.Record{
			UUID: plug.UUID, Address: plug.Address(), Count: 1, Name: "from the app", Interview: device.Pending,
			Composition: plug.Composition, Imported: true,
		}
		change, err := record.Change()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.Apply(change); err != nil {
			t.Fatal(err)
		}
		w.start()
		pass(time.Minute)
		if n := len(plug.Received(configuration.OpModelPublicationSet)); n > 0 {
			t.Errorf("its publication was changed %d times", n)
		}
		if n := len(plug.Received(configuration.OpAppKeyAdd)); n != 1 {
			t.Errorf("it was given the AppKey %d times", n)
		}
		records, err := w.svc.Devices(t.Context())
		if err != nil || len(records) != 1 || records[0].Name != "from the app" || records[0].Interview != device.Successful {
			t.Errorf("got %+v, %v", records, err)
		}
		asked := w.net.Requests()
		w.restart()
		pass(time.Minute)
		if n := len(plug.Received(configuration.OpAppKeyAdd)); n != 1 || w.net.Requests() == asked {
			t.Errorf("it was interviewed again: %d times", n)
		}
	})
}
