package node_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// forged is the UUID of a device that does not exist.
func forged(n int) mesh.UUID {
	var uuid mesh.UUID
	binary.BigEndian.PutUint32(uuid[:], uint32(n)+1)
	return uuid
}

// Beacons of thousands of devices that do not exist do not hide one that does: it is
// reported while they go on, on either bearer, and what is reported of them is bounded.
// A device that was asked for can be provisioned.
func TestForgedBeaconsHideNoDevice(t *testing.T) {
	const rate, seconds = 300, 60 // forged devices a second
	const comes = 20              // the device, in seconds
	for _, by := range []provision.Bearer{provision.PBADV, provision.PBGATT} {
		t.Run(by.String(), func(t *testing.T) {
			p := newPump(t)
			gateway := p.addGatewayWith(node.Options{Monitor: true, Proxy: node.ProxyOptions{Client: node.ClientOn}})
			send := func(uuid mesh.UUID) {
				if by == provision.PBADV {
					in := bearer.Incoming{Kind: bearer.Beacon, RSSI: -40}
					in.Len = uint8(copy(in.Data[:], (&beacon.Unprovisioned{UUID: uuid}).Append(nil)))
					gateway.Receive(p.now, &in)
				} else {
					s := bearer.Sighting{Service: bearer.ProvisioningService, Connectable: true, RSSI: -40}
					s.Len = uint8(copy(s.Data[:], proxy.DeviceServiceData(uuid, 0)))
					gateway.ReceiveSighting(p.now, &s)
				}
				p.carryOut(gateway)
			}
			device := mesh.UUID{0xFF}
			reported := map[mesh.UUID]int{}
			for n := range rate * seconds {
				send(forged(n))
				if n%rate == 0 && n >= comes*rate {
					send(device)
				}
				p.pass(time.Second / rate)
			}
			for _, e := range gateway.events {
				if e, ok := e.(node.DeviceHeard); ok {
					reported[e.UUID]++
				}
			}
			t.Logf("the device was reported %d times, and %d others", reported[device], len(reported)-1)
			if reported[device] < (seconds-comes)/5-4 {
				t.Errorf("the device was reported %d times within %d s", reported[device], seconds-comes)
			}
			if len(reported) > 4*1024 {
				t.Errorf("%d devices were reported of %d", len(reported), rate*seconds)
			}
		})
	}
}
