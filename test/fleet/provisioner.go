package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// ProvisionerAddress is the address of a Provisioner.
const ProvisionerAddress mesh.Address = 0x7000

// Provisioner is another provisioner in the network of a service.
type Provisioner struct {
	air  *Air
	node *node.Node
	of   state.Peer // the service
}

// NewProvisioner makes a provisioner of a network that was exported with its
// keys and that has only one node so far, the service. It runs until the test
// ends.
func (a *Air) NewProvisioner(exported []byte) *Provisioner {
	a.t.Helper()
	d, err := cdb.Parse(exported)
	if err != nil {
		a.t.Fatal(err)
	}
	if len(d.Nodes) != 1 || len(d.NetKeys) != 1 {
		a.t.Fatalf("expected a network of one node with one key, got %d and %d", len(d.Nodes), len(d.NetKeys))
	}
	of := &d.Nodes[0]
	p := &Provisioner{air: a, of: state.Peer{UUID: of.UUID, Address: of.Address, Elements: len(of.Elements), DeviceKey: *of.DeviceKey}}
	saved := node.NewDevice(mesh.UUID{'p', 'h', 'o', 'n', 'e', 0, 0x40, 0, 0x80})
	saved.Node.Address, saved.Node.DeviceKey = ProvisionerAddress, crypto.Key{1}
	saved.Node.Subnets = []state.Subnet{{Index: d.NetKeys[0].Index, Key: d.NetKeys[0].Key}}
	saved.Peers = []state.Peer{p.of}
	changes, err := saved.Changes()
	if err != nil {
		a.t.Fatal(err)
	}
	p.node = a.run(a.attach(), saved.Node.UUID, node.Options{
		Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
	}, func(config *node.Config) {
		config.Store = store.NewMemory()
		if err := config.Store.Apply(changes...); err != nil {
			a.t.Fatal(err)
		}
	})
	return p
}

// Ask sends a message to the Configuration Server of the service and decodes
// its answer into response. It fails if there is no answer within the time
// limit.
func (p *Provisioner) Ask(m, response access.Message) error {
	p.air.t.Helper()
	const patience = 5 * time.Minute
	ctx, cancel := context.WithTimeout(p.air.t.Context(), patience)
	defer cancel()
	payload, err := access.Append(nil, m)
	if err != nil {
		return err
	}
	r, err := p.node.Request(ctx, node.Request{
		Dst: p.of.Address, Key: transport.Key{Device: p.of.Address}, TTL: mesh.DefaultTTL,
		Payload: payload, Respond: response.Opcode(), Attempts: 2,
	})
	if err != nil {
		return fmt.Errorf("fleet: %T: %w", m, err)
	}
	return access.Decode(r.Params, response)
}
