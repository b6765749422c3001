package vm

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// Models of the lamp (Mesh Model, 7.3), as numbers: it is a stranger to our
// packages.
const (
	onOffServer     = 0x1000
	lightnessServer = 0x1300
)

// lamp is an application on BlueZ's mesh daemon with a switch on its first
// element and a dimmer on its second.
type lamp struct {
	t    *testing.T
	uuid mesh.UUID
	app  *bluez.Application
	node *bluez.Node // once it is one

	mu        sync.Mutex
	on        bool
	lightness uint16
}

// newLamp puts a lamp on the bus of a daemon. It may have more elements.
func newLamp(t *testing.T, d *bluez.Daemon, provisioning bluez.Provisioning, more ...bluez.Element) *lamp {
	t.Helper()
	l := &lamp{t: t, uuid: mesh.UUID{0xB1, 0x0E, 6: 0x40, 8: 0x80, 15: 1}}
	l.app = d.Application(bluez.Device{
		UUID: l.uuid, Company: 0x05F1, Product: 1, Version: 2, CRPL: 50,
		Provisioning: provisioning,
		Elements: append([]bluez.Element{
			{Location: 0x0100, Models: []mesh.ModelID{mesh.SIGModel(onOffServer)}, Receive: l.switched},
			{Location: 0x0101, Models: []mesh.ModelID{mesh.SIGModel(lightnessServer)}, Receive: l.dimmed},
		}, more...),
	})
	return l
}

// join waits for its provisioner; provision is called when it can be found.
func (l *lamp) join(provision func()) {
	l.t.Helper()
	n := l.app.Become(provision)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.node = n
}

// attach is needed after the daemon has been started again.
func (l *lamp) attach() {
	l.t.Helper()
	n, err := l.app.Attach()
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.node = n
}

// Messages of Generic OnOff (Mesh Model, 3.2.1).
func (l *lamp) switched(m bluez.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch opcode := binary.BigEndian.Uint16(m.Data); {
	case opcode == 0x8201 && len(m.Data) == 2: // Get
	case (opcode == 0x8202 || opcode == 0x8203) && len(m.Data) >= 4: // Set, Set Unacknowledged
		l.on = m.Data[2] == 1
		if opcode == 0x8203 {
			return
		}
	default:
		return
	}
	l.reply(m, l.onStatus())
}

// Messages of Light Lightness (Mesh Model, 6.3.1).
func (l *lamp) dimmed(m bluez.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch opcode := binary.BigEndian.Uint16(m.Data); {
	case opcode == 0x824B && len(m.Data) == 2: // Get
	case opcode == 0x8257 && len(m.Data) == 2: // Range Get
		l.reply(m, []byte{0x82, 0x58, 0, 0x01, 0x00, 0xFF, 0xFF}) // success, 1 to 65535
		return
	case (opcode == 0x824C || opcode == 0x824D) && len(m.Data) >= 5: // Set, Set Unacknowledged
		l.lightness = binary.LittleEndian.Uint16(m.Data[2:])
		if opcode == 0x824D {
			return
		}
	default:
		return
	}
	l.reply(m, l.lightnessStatus())
}

func (l *lamp) onStatus() []byte {
	if l.on {
		return []byte{0x82, 0x04, 1}
	}
	return []byte{0x82, 0x04, 0}
}

func (l *lamp) lightnessStatus() []byte {
	return binary.LittleEndian.AppendUint16([]byte{0x82, 0x4E}, l.lightness)
}

// reply answers a message with the key that it came with.
func (l *lamp) reply(m bluez.Message, data []byte) {
	if l.node == nil {
		return
	}
	if err := l.node.Send(m.Element, m.Source, m.Key, data); err != nil {
		l.t.Errorf("the lamp's answer % x to % x: %v", data, m.Data, err)
	}
}

// is tells whether it is on.
func (l *lamp) is() (on bool, lightness uint16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.on, l.lightness
}

// press is somebody at the lamp, who switches it.
func (l *lamp) press(on bool) {
	l.t.Helper()
	l.mu.Lock()
	l.on = on
	data := l.onStatus()
	l.mu.Unlock()
	if err := l.node.Publish(0, mesh.SIGModel(onOffServer), data); err != nil {
		l.t.Errorf("Publish: %v", err)
	}
}

// turn is somebody at the lamp, who dims it.
func (l *lamp) turn(lightness uint16) {
	l.t.Helper()
	l.mu.Lock()
	l.lightness = lightness
	data := l.lightnessStatus()
	l.mu.Unlock()
	if err := l.node.Publish(1, mesh.SIGModel(lightnessServer), data); err != nil {
		l.t.Errorf("Publish: %v", err)
	}
}
