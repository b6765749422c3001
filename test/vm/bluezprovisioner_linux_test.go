package vm

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// What a provisioner has and gives.
const (
	provisionerAddress mesh.Address  = 0x0001
	firstAddress       mesh.Address  = 0x0100 // of a device
	homeKey            mesh.KeyIndex = 0      // the NetKey
	appKey             mesh.KeyIndex = 0x001
)

// provisioner is an application on BlueZ's mesh daemon that has a network of its own,
// takes devices into it and configures them. It writes its messages octet by
// octet: it knows nothing of our packages.
type provisioner struct {
	t      *testing.T
	daemon *bluez.Daemon
	app    *bluez.Application
	node   *bluez.Node
	last   mesh.Address // that was given to a device
	tid    byte         // of the last command
}

// newProvisioner begins a network with an AppKey. Its own Generic OnOff Client is bound
// to that: BlueZ uses a key only for a model that it is bound to.
func newProvisioner(t *testing.T, adapter string, provisioning bluez.Provisioning) *provisioner {
	t.Helper()
	b := &provisioner{t: t, last: firstAddress - 0x10, daemon: bluez.Start(t, bluez.Options{Adapter: adapter})}
	b.app = b.daemon.Application(bluez.Device{
		UUID: mesh.UUID{0xB0, 0x55, 6: 0x40, 8: 0x80}, Company: 0x05F1, CRPL: 50,
		Elements:     []bluez.Element{{Models: []mesh.ModelID{foundation.ConfigurationClientID, generic.OnOffClientID}}},
		Provisioning: provisioning,
		Provisioner: &bluez.Provisioner{Assign: func(int) (mesh.KeyIndex, mesh.Address) {
			b.last += 0x10 // another each time: it ignores who begins anew at an address
			return homeKey, b.last
		}},
	})
	b.must(b.app.CreateNetwork())
	b.attach()
	b.must(b.node.CreateAppKey(homeKey, appKey))
	b.giveKey(provisionerAddress, 0x1001)
	return b
}

func (b *provisioner) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// attach is needed after the daemon has been started again.
func (b *provisioner) attach() {
	b.t.Helper()
	var err error
	b.node, err = b.app.Attach()
	b.must(err)
}

// ask sends something until a message with these first octets comes from to.
func (b *provisioner) ask(to mesh.Address, what string, send func() error, begins ...byte) bluez.Message {
	b.t.Helper()
	began := time.Now()
	answer := b.app.Ask(what, send, func(m bluez.Message) bool { return m.Source == to && bytes.HasPrefix(m.Data, begins) })
	b.t.Logf("%s of %s after %s", what, to, time.Since(began).Round(time.Millisecond))
	return answer
}

// configure sends a Config message until the answer to it comes.
func (b *provisioner) configure(to mesh.Address, what string, message []byte, answer ...byte) bluez.Message {
	b.t.Helper()
	return b.ask(to, what, func() error { return b.node.DevKeySend(0, to, true, homeKey, message) }, answer...)
}

// octets puts 16-bit fields, little endian, behind what a message begins with.
func octets(begins []byte, fields ...uint16) []byte {
	all := slices.Clone(begins)
	for _, f := range fields {
		all = binary.LittleEndian.AppendUint16(all, f)
	}
	return all
}

// take provisions a device and returns its address.
func (b *provisioner) take(uuid mesh.UUID, elements int) mesh.Address {
	b.t.Helper()
	address, got, err := b.node.AddNode(uuid)
	if err != nil || address != b.last || got != elements {
		b.t.Fatalf("AddNode gives %s with %d elements, %v", address, got, err)
	}
	return address
}

// giveKey gives a node the AppKey and binds a model of its first element to it.
// The statuses begin with 0, success.
func (b *provisioner) giveKey(to mesh.Address, model uint16) {
	b.t.Helper()
	b.ask(to, "AppKey Status", func() error { return b.node.AddAppKey(to, appKey, homeKey, false) }, 0x80, 0x03, 0)
	b.configure(to, "Model App Status", octets([]byte{0x80, 0x3D}, uint16(to), uint16(appKey), model), 0x80, 0x3E, 0)
}

// command switches what is at an address, perhaps that of a group, until from
// says that it is as wanted.
func (b *provisioner) command(to, from mesh.Address, on byte) {
	b.t.Helper()
	b.ask(from, "Generic OnOff Status", func() error {
		b.tid++
		return b.node.Send(0, to, appKey, []byte{0x82, 0x02, on, b.tid})
	}, 0x82, 0x04, on)
}
