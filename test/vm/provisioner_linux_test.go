package vm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestProvisioner has BlueZ's mesh daemon provision and manage our virtual
// devices.
func TestProvisioner(t *testing.T) {
	guest{stack: true, parts: []part{
		{"configures", testConfigures},
		{"authenticates", testAuthenticates},
		{"refreshes_keys", testRefreshesKeys},
		{"updates_iv_index", testUpdatesIVIndex},
	}}.test(t)
}

// testConfigures takes a plug of ours in, configures and commands it, hears what
// it does by itself, resets it and takes it in again.
func testConfigures(t *testing.T) {
	room := newRoom(t)
	theirs, ours := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	b := newProvisioner(t, theirs.name(), bluez.Provisioning{})
	p := newPlug(t, ours.address(), 1, node.DeviceOptions{})
	b.must(b.node.Scan(0))
	b.app.Found(p.uuid)
	at := b.take(p.uuid, len(p.state().Elements))
	happens(p, 0, "its address", func(e node.Joined) bool { return e.Address == at && e.NetKey == homeKey })

	composition := b.configure(at, "Composition Data Status", []byte{0x80, 0x08, 0}, 0x02, 0).Data[2:]
	// CID, PID, VID, CRPL, features; location, numbers of models, models.
	if len(composition) < 14 || !bytes.Equal(composition[:6], []byte{0xFF, 0xFF, 1, 0, 1, 0}) {
		t.Fatalf("composition data: % x", composition)
	}
	var models []uint16
	for i := range int(composition[12]) {
		models = append(models, binary.LittleEndian.Uint16(composition[14+2*i:]))
	}
	if !slices.Contains(models, 0x0000) || !slices.Contains(models, 0x0002) || !slices.Contains(models, onOffServer) || composition[13] != 0 {
		t.Errorf("the models are %04x, in % x", models, composition)
	}

	b.giveKey(at, onOffServer)
	const group = 0xC000
	element := uint16(at)
	b.configure(at, "Model Publication Status",
		octets(append(octets([]byte{0x03}, element, uint16(provisionerAddress), uint16(appKey)), 0xFF, 0, 0), onOffServer),
		append([]byte{0x80, 0x19, 0}, octets(nil, element, uint16(provisionerAddress), uint16(appKey))...)...)
	b.configure(at, "Model Subscription Status",
		octets([]byte{0x80, 0x1B}, element, group, onOffServer),
		octets([]byte{0x80, 0x1F, 0}, element, group, onOffServer)...)

	for _, c := range []struct {
		to mesh.Address
		on byte
	}{{at, 1}, {at, 0}, {group, 1}, {group, 0}} {
		b.command(c.to, at, c.on)
		p.becomes(c.on == 1)
	}
	for _, on := range []byte{1, 0} {
		mark := b.app.Mark()
		p.press()
		b.app.Next(mark, "what was done by hand", func(m bluez.Message) bool {
			return m.Source == at && m.Destination == provisionerAddress && m.Key == appKey && bytes.Equal(m.Data, []byte{0x82, 0x04, on})
		})
	}

	// It answers, and waits for a provisioner again.
	left := p.mark()
	mark := b.app.Mark()
	b.must(b.node.DevKeySend(0, at, true, homeKey, []byte{0x80, 0x49}))
	happens(p, left, "leaving", func(node.Left) bool { return true })
	b.app.Next(mark, "Node Reset Status", func(m bluez.Message) bool {
		return m.Source == at && m.DeviceKey && bytes.Equal(m.Data, []byte{0x80, 0x4A})
	})
	if s := p.state(); s.IsProvisioned() || len(s.Subnets)+len(s.AppKeys) > 0 || !s.DeviceKey.IsZero() {
		t.Error("the plug has kept something of the network that it has left")
	}
	b.must(b.node.DeleteRemoteNode(at, 1))
	again := b.take(p.uuid, 1)
	b.giveKey(again, onOffServer)
	b.command(again, again, 1)
	p.understood()
}

// testAuthenticates takes in devices that show or are told a value. BlueZ chooses
// by itself, of what both sides can: static, output, input OOB, in this order.
func testAuthenticates(t *testing.T) {
	room := newRoom(t)
	theirs, ours := room.plug(t, kind(1, false)), room.plug(t, kind(2, true))
	static := [16]byte{0x0F, 0xF0, 15: 0xAA}
	pair, err := crypto.GenerateKeyPair(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := pair.Public()
	var current atomic.Pointer[plug]
	step := func(s provision.Step) node.ProvisioningStep {
		return happens(current.Load(), 0, string(s), func(e node.ProvisioningStep) bool { return e.Step == string(s) })
	}
	shown := func() string { return step(provision.OOBShown).Prompt.Value }
	b := newProvisioner(t, theirs.name(), bluez.Provisioning{
		Capabilities: []string{
			"static-oob", "public-oob", "blink", "beep", "vibrate", "out-numeric", "out-alpha", "push", "twist", "in-numeric", "in-alpha",
		},
		Static: static,
		PublicKey: func() []byte {
			step(provision.Started) // nobody reads it from the device sooner than BlueZ can use it
			return public[:]
		},
		Numeric: func(string) uint32 {
			n, _ := strconv.ParseUint(shown(), 10, 32) // a wrong number fails the test
			return uint32(n)
		},
		Alpha: shown,
	})
	output := func(a provision.Action, size uint8) node.DeviceOptions {
		return node.DeviceOptions{OOBDevice: node.OOBDevice{OutputActions: provision.ActionsOf(a), OutputSize: size, Required: true}}
	}
	input := func(a provision.Action, size uint8) node.DeviceOptions {
		return node.DeviceOptions{OOBDevice: node.OOBDevice{InputActions: provision.ActionsOf(a), InputSize: size, Required: true}}
	}
	displayed := 0
	for i, tt := range []struct {
		name   string
		device node.DeviceOptions
		input  bool // the provisioner shows what is to be entered
	}{
		{"static", node.DeviceOptions{StaticOOB: static[:]}, false},
		{"blinks", output(provision.Blink, 1), false},
		{"shows a number", output(provision.OutputNumeric, 6), false},
		{"shows a text", output(provision.OutputAlphanumeric, 8), false},
		{"is pushed", input(provision.Push, 1), true},
		{"takes a number", input(provision.InputNumeric, 6), true},
		{"takes a text", input(provision.InputAlphanumeric, 8), true},
		{"public key", node.DeviceOptions{StaticOOB: static[:], OOBDevice: node.OOBDevice{KeyPair: pair}}, false},
	} {
		began := time.Now()
		p := newPlug(t, ours.address(), byte(0x10+i), tt.device)
		current.Store(p)
		entered := make(chan error, 1)
		if tt.input {
			go func() {
				step(provision.OOBWanted)
				d := b.app.Displayed(displayed)
				value := d.Text
				if value == "" {
					value = strconv.FormatUint(uint64(d.Number), 10)
				}
				entered <- p.node.ProvisioningInput(context.WithoutCancel(t.Context()), p.uuid, value)
			}()
		}
		at := b.take(p.uuid, 1)
		if tt.input {
			displayed++
			if err := <-entered; err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		happens(p, 0, "its address", func(e node.Joined) bool { return e.Address == at })
		keys, err := b.node.ExportKeys()
		if err != nil || !keys.Device[at].Equal(p.state().DeviceKey) {
			t.Errorf("%s: the device keys differ, %v", tt.name, err)
		}
		t.Logf("%s: %s", tt.name, time.Since(began).Round(time.Millisecond))
		p.stop()
	}
}
