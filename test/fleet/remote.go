package fleet

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
)

// NewRemoteServer makes a plug with a Remote Provisioning Server. It is
// unprovisioned at first and runs until the test ends.
func (a *Air) NewRemoteServer() mesh.UUID {
	a.t.Helper()
	elements := device.NewPlug().Elements()
	elements[device.Primary].Models = append(elements[device.Primary].Models, remote.NewServer())
	uuid := mesh.UUID{'o', 'u', 't', 'p', 'o', 's', 0x40, 't', 0x80}
	a.run(a.attach(), uuid, node.Options{Elements: elements})
	return uuid
}

// LockedLamp is a lamp that requires authentication by the number that it
// displays. The adapter does not hear it.
type LockedLamp struct {
	Lamp
	Shown chan string // receives each displayed number
}

// NewLockedLamp makes a lamp that runs until the test ends.
func (a *Air) NewLockedLamp(from *Adapter) *LockedLamp {
	a.t.Helper()
	l := &LockedLamp{
		Lamp:  Lamp{UUID: mesh.UUID{'l', 'o', 'c', 'k', 0, 0, 0x40, 0, 0x80}, t: a.t, lamp: device.NewLamp()},
		Shown: make(chan string, 100),
	}
	c := a.attach()
	cut := virtual.Link{Cut: true}
	a.air.SetLink(c.Address(), from.controller.Address(), cut)
	a.air.SetLink(from.controller.Address(), c.Address(), cut)
	l.node = a.run(c, l.UUID, node.Options{Elements: l.lamp.Elements()}, func(config *node.Config) {
		config.Device.OOBDevice = node.OOBDevice{
			OutputActions: provision.ActionsOf(provision.OutputNumeric), OutputSize: 6, Required: true,
		}
		config.Report = func(e node.Event) {
			if step, ok := e.(node.ProvisioningStep); ok && step.Step == string(provision.OOBShown) {
				l.Shown <- step.Prompt.Value
			}
		}
	})
	return l
}
