package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how a resident node treats Configuration Clients. Its device key is
// in every export of the network, so many can send it configuration messages. It
// is the only way to the devices for its owner, and must not lose them by one
// message of somebody else. The owner does not send messages: he changes the node
// directly.
//
//	message                          what a resident node does
//	Node Reset                       refuses; no answer, because the only one says that the node has left
//	NetKey Delete, AppKey Delete     refuses: Cannot Remove
//	Key Refresh Phase Set            refuses while no other node has sent with the new NetKey: Cannot Set
//	Model App Unbind                 refuses: Cannot Bind
//	Model Publication Set            refuses a period below a second: Invalid Publish Parameters
//	Default TTL, Network Transmit,   refuses another value: the answer has the present one
//	Relay, GATT Proxy, Friend Set
//	Beacon Set                       refuses to switch off: the answer says that beacons are on
//	NetKey, AppKey Add and Update    obeys, and tells its owner: nothing is sent with the key yet
//	everything else                  obeys

// ResidentHost is a Host that may be resident.
type ResidentHost interface {
	// Resident reports whether the node stays in its network.
	Resident() bool
	// NewKeyInUse reports whether another node than by has sent with the new
	// NetKey of a subnet.
	NewKeyInUse(index mesh.KeyIndex, by mesh.Address) bool
	// Refused is told of a message that was not obeyed. It has no keys in it.
	Refused(in *access.Incoming)
	// KeysGiven is told of keys that a Configuration Client has added or updated.
	KeysGiven(in *access.Incoming)
}

// refusal decides about a message of a Configuration Client. It returns false to
// obey the message, else the answer, which may be nil.
type refusal func(s *Server, in *access.Incoming) (answer access.Message, refused bool)

// refusals returns the decision about a kind of message, nil for one that is
// obeyed.
func refusals(op mesh.Opcode) refusal {
	switch op {
	case OpNodeReset:
		return func(*Server, *access.Incoming) (access.Message, bool) { return nil, true }
	case OpNetKeyDelete:
		return decide(func(s *Server, _ *access.Incoming, m *NetKeyDelete) (access.Message, bool) {
			return &NetKeyStatus{Status: foundation.CannotRemove, NetKeyIndex: m.NetKeyIndex}, s.Host().State().Subnet(m.NetKeyIndex) != nil
		})
	case OpAppKeyDelete:
		return decide(func(s *Server, _ *access.Incoming, m *AppKeyDelete) (access.Message, bool) {
			k := s.Host().State().AppKey(m.AppKeyIndex)
			answer := &AppKeyStatus{Status: foundation.CannotRemove, NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex}
			return answer, k != nil && k.NetKey == m.NetKeyIndex
		})
	case OpKeyRefreshPhaseSet:
		return decide(func(s *Server, in *access.Incoming, m *KeyRefreshPhaseSet) (access.Message, bool) {
			k := s.Host().State().Subnet(m.NetKeyIndex)
			if k == nil || k.Phase == state.NormalOperation {
				return nil, false // nothing changes
			}
			answer := &KeyRefreshPhaseStatus{Status: foundation.CannotSet, NetKeyIndex: m.NetKeyIndex, Phase: k.Phase}
			return answer, !s.Host().(ResidentHost).NewKeyInUse(m.NetKeyIndex, in.Src)
		})
	case OpModelAppUnbind:
		return decide(func(s *Server, _ *access.Incoming, m *ModelAppUnbind) (access.Message, bool) {
			model, _ := s.model(m.ElementAddress, m.ModelIdentifier)
			answer := &ModelAppStatus{
				Status: foundation.CannotBind, ElementAddress: m.ElementAddress, AppKeyIndex: m.AppKeyIndex, ModelIdentifier: m.ModelIdentifier,
			}
			return answer, model != nil && model.IsBound(m.AppKeyIndex)
		})
	case OpModelPublicationSet:
		return decide(func(_ *Server, _ *access.Incoming, m *ModelPublicationSet) (access.Message, bool) {
			return refusePublication(m.ElementAddress, m.ModelIdentifier, m.PublishAddress, m.PublishParameters)
		})
	case OpModelPublicationVirtualAddressSet:
		return decide(func(_ *Server, _ *access.Incoming, m *ModelPublicationVirtualAddressSet) (access.Message, bool) {
			return refusePublication(m.ElementAddress, m.ModelIdentifier, mesh.AllNodes, m.PublishParameters)
		})
	default:
		return refuseState(op)
	}
}

// refuseState decides about the messages that set a state of the node which its
// owner has configured. They have no status, so the answer has the state as it is.
func refuseState(op mesh.Opcode) refusal {
	switch op {
	case OpDefaultTTLSet:
		return keep(OpDefaultTTLGet, func(n *state.Node, m *DefaultTTLSet) bool { return m.TTL == n.DefaultTTL })
	case OpNetworkTransmitSet:
		return keep(OpNetworkTransmitGet, func(n *state.Node, m *NetworkTransmitSet) bool { return m.NetworkTransmit == n.NetworkTransmit })
	case OpRelaySet:
		return keep(OpRelayGet, func(n *state.Node, m *RelaySet) bool {
			return n.Relay == state.Unsupported || m.Relay == n.Relay && m.RelayRetransmit == n.RelayRetransmit
		})
	case OpGATTProxySet:
		return keep(OpGATTProxyGet, func(n *state.Node, m *GATTProxySet) bool {
			return n.Proxy == state.Unsupported || m.GATTProxy == n.Proxy
		})
	case OpFriendSet:
		return keep(OpFriendGet, func(n *state.Node, m *FriendSet) bool { return n.Friend == state.Unsupported || m.Friend == n.Friend })
	case OpBeaconSet:
		return keep(OpBeaconGet, func(n *state.Node, m *BeaconSet) bool { return m.Beacon || !n.Beacon })
	default:
		return nil
	}
}

// decide is a decision by the fields of a message. One that cannot be decoded is
// obeyed, which does nothing.
func decide[T any, M interface {
	*T
	access.Message
}](by func(s *Server, in *access.Incoming, m M) (access.Message, bool)) refusal {
	return func(s *Server, in *access.Incoming) (access.Message, bool) {
		m := M(new(T))
		if access.Decode(in.Params, m) != nil {
			return nil, false
		}
		return by(s, in, m)
	}
}

// keep refuses a message that sets a state to another value; the answer is that of
// the message get.
func keep[T any, M interface {
	*T
	access.Message
}](get mesh.Opcode, harmless func(n *state.Node, m M) bool) refusal {
	return decide(func(s *Server, _ *access.Incoming, m M) (access.Message, bool) {
		if harmless(s.Host().State(), m) {
			return nil, false
		}
		return s.Answer(&access.Incoming{Opcode: get}), true
	})
}

// refusePublication refuses a publication that sends more often than once a
// second. It would use the sequence numbers and the time on the air that the
// commands of the owner need.
func refusePublication(element mesh.Address, id mesh.ModelID, to mesh.Address, p PublishParameters) (access.Message, bool) {
	const steps, resolution = 0x3F, 0xC0 // fields of the period (section 4.2.3.3)
	fast := p.PublishPeriod&steps > 0 && p.PublishPeriod&steps < 10 && p.PublishPeriod&resolution == 0
	return &ModelPublicationStatus{
		Status: foundation.InvalidPublishParameters, ElementAddress: element,
		PublishAddress: to, PublishParameters: p, ModelIdentifier: id,
	}, fast
}

// refuse decides about a message on a resident node. It returns false when the
// message is to be obeyed.
func (s *Server) refuse(ctx access.Context, in *access.Incoming) bool {
	host, ok := s.Host().(ResidentHost)
	if !ok || !host.Resident() {
		return false
	}
	decision := refusals(in.Opcode)
	if decision == nil {
		return false
	}
	answer, refused := decision(s, in)
	if !refused {
		return false
	}
	if answer != nil {
		ctx.Reply(answer)
	}
	host.Refused(in)
	return true
}

// reportKeys tells the owner of a resident node about keys that it got.
func (s *Server) reportKeys(in *access.Incoming, answer access.Message) {
	host, ok := s.Host().(ResidentHost)
	if !ok || !host.Resident() {
		return
	}
	var status foundation.Status
	switch a := answer.(type) {
	case *NetKeyStatus:
		status = a.Status
	case *AppKeyStatus:
		status = a.Status
	case *KeyRefreshPhaseStatus:
		status = a.Status
	}
	switch in.Opcode {
	case OpNetKeyAdd, OpNetKeyUpdate, OpAppKeyAdd, OpAppKeyUpdate, OpKeyRefreshPhaseSet:
		if status == foundation.Success {
			host.KeysGiven(in)
		}
	}
}
