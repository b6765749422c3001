package sim

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// Switch is the acknowledged Generic OnOff Set of a plug. A status does not say
// which Set it answers, and the answer to a repetition of the previous Set can
// arrive after this one was sent. So only a status with the requested state
// ends the request.
func Switch(to mesh.Address, on bool, tid uint8) (node.Request, error) {
	payload, err := access.Append(nil, &generic.OnOffSet{OnOff: on, TID: tid})
	return node.Request{
		Dst:     to,
		TTL:     mesh.DefaultTTL,
		Payload: payload,
		Respond: generic.OpOnOffStatus,
		Accept: func(params []byte) bool {
			is, err := IsOn(params)
			return err == nil && is == on
		},
	}, err
}

// IsOn decodes a Generic OnOff Status.
func IsOn(params []byte) (bool, error) {
	var status generic.OnOffStatus
	err := access.Decode(params, &status)
	return status.PresentOnOff, err
}
