package commission_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// A node that somebody else has configured goes on publishing to whom it does;
// only models that publish to nobody are told to publish to the bridge.
func TestKeepsPublications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := answering(fake.Lamp(mesh.UUID{1}), configuration.OpModelPublicationGet, func(m fake.Message) access.Message {
			in := fake.Decode[configuration.ModelPublicationGet](m)
			status := &configuration.ModelPublicationStatus{ElementAddress: in.ElementAddress, ModelIdentifier: in.ModelIdentifier}
			if in.ModelIdentifier == generic.OnOffServerID {
				status.PublishAddress = 0xC001
			}
			return status
		})
		net := fake.New()
		net.Join(d)
		o := options()
		o.KeepPublications, o.Publications = true, commission.PublishAll
		result, err := commission.Configure(t.Context(), net, o, peerOf(d), nil)
		if err != nil || len(result.Skipped) > 0 {
			t.Fatalf("%v, %+v", err, result)
		}
		var told []mesh.ModelID
		for _, m := range d.Received(configuration.OpModelPublicationSet) {
			told = append(told, fake.Decode[configuration.ModelPublicationSet](m).ModelIdentifier)
		}
		if slices.Contains(told, generic.OnOffServerID) || !slices.Contains(told, generic.LevelServerID) {
			t.Errorf("told to publish to the bridge: %v", told)
		}
	})
}
