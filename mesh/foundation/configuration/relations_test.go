package configuration_test

import (
	"reflect"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestRelationsOfALamp(t *testing.T) {
	h := hosttest.New()
	h.Node.Elements = []state.Element{{Models: []state.Model{
		{ID: foundation.ConfigurationServerID}, {ID: hosttest.OnOff}, {ID: hosttest.Level}, {ID: mesh.SIGModel(0x1004)}, {ID: mesh.SIGModel(0x1006)}, {ID: mesh.SIGModel(0x1007)}, {ID: hosttest.Vendor},
	}}}
	config := configuration.NewServer(configuration.Product{})
	config.Attach(h)
	want := &configuration.Relations{Elements: []configuration.ElementRelations{{
		SIGModels: []configuration.ModelRelations{
			{},
			{},
			{},
			{},
			{HasGroup: true, Extends: []configuration.ExtendedModel{{ModelIndex: 1}}},
			{HasGroup: true, Extends: []configuration.ExtendedModel{{ModelIndex: 4}, {ModelIndex: 3}}},
		},
		VendorModels: []configuration.ModelRelations{{}},
	}}}
	if got := config.Relations(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, expected %+v", got, want)
	}
}
