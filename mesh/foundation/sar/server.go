package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// SARServer is the SAR Configuration Server model (section 4.4): how the node
// segments and reassembles.
type SARServer struct{ responder }

// NewSARServer makes the model for the primary element of a node.
func NewSARServer() *SARServer {
	s := &SARServer{newResponder(SARConfigurationServerID)}
	on(s, func(*access.Incoming, *SARTransmitterGet) access.Message { return s.transmitter() })
	on(s, func(_ *access.Incoming, m *SARTransmitterSet) access.Message {
		s.Change(func(n *state.Node) { n.SARTransmitter = &m.Transmitter })
		return s.transmitter()
	})
	on(s, func(*access.Incoming, *SARReceiverGet) access.Message { return s.receiver() })
	on(s, func(_ *access.Incoming, m *SARReceiverSet) access.Message {
		s.Change(func(n *state.Node) { n.SARReceiver = &m.Receiver })
		return s.receiver()
	})
	return s
}

func (s *SARServer) transmitter() access.Message {
	t := transport.DefaultTransmitter()
	if set := s.Host().State().SARTransmitter; set != nil {
		t = *set
	}
	return &SARTransmitterStatus{Transmitter: t}
}

func (s *SARServer) receiver() access.Message {
	r := transport.DefaultReceiver()
	if set := s.Host().State().SARReceiver; set != nil {
		r = *set
	}
	return &SARReceiverStatus{Receiver: r}
}
