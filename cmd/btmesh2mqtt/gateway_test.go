package main

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// The bridge has the two models that every node has, so that another
// provisioner can read its composition and refresh its keys.
func TestGatewayIsAnHonestNode(t *testing.T) {
	saved, err := node.NewNetwork(1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	elements := gatewayElements()
	if _, err := node.New(time.Now(), node.Options{Elements: elements, Random: rand.Reader}, saved); err != nil {
		t.Fatal(err)
	}
	server, ok := elements[0].Models[0].(*configuration.Server)
	if !ok {
		t.Fatalf("the first model is %T", elements[0].Models[0])
	}
	page := server.Composition()
	octets, err := page.Append(nil)
	if err != nil || len(octets) == 0 {
		t.Errorf("page 0 is %x, %v", octets, err)
	}
	if page.CompanyID != gatewayProduct().CompanyID || len(page.Elements) != 1 {
		t.Errorf("composition %+v", page)
	}
	for _, id := range []mesh.ModelID{foundation.ConfigurationServerID, foundation.HealthServerID, foundation.ConfigurationClientID} {
		if !slices.Contains(page.Elements[0].Models, id) {
			t.Errorf("no model %s in %v", id, page.Elements[0].Models)
		}
	}
}
