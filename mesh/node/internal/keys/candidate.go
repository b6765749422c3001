package keys

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is the device key candidate: the key that takes the place of the
// device key with the first message under it, after a Node Provisioning Protocol
// Interface procedure (section 3.11.8).

// CandidateOwner marks a message under the device key candidate. No node has the
// address.
const CandidateOwner = mesh.AllNodes

// SetCandidate keeps a device key candidate, or drops it when key is zero.
func (k *Keys) SetCandidate(key crypto.Key) {
	k.host.Edit(func(n *state.Node) { n.DeviceKeyCandidate = key })
	k.deriveCandidate()
}

func (k *Keys) deriveCandidate() {
	k.candidate = nil
	if key := k.host.State().DeviceKeyCandidate; !key.IsZero() {
		k.candidate = crypto.NewCCM(key)
	}
}

// AdoptCandidate makes the device key candidate the device key with the first
// message under it: its sender has provisioned this node once more and has the
// key as well. The former key is void.
func (k *Keys) AdoptCandidate(m *part.AccessMessage) {
	if m.Key.Device != CandidateOwner {
		return
	}
	m.Key.Device = k.host.State().Address
	k.host.Edit(func(n *state.Node) {
		n.DeviceKey, n.DeviceKeyCandidate = n.DeviceKeyCandidate, crypto.Key{}
	})
	k.host.ConfigurationChanged()
}
