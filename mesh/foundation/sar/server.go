package sar

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Server is the SAR Configuration Server model (section 4.4). It holds the SAR
// Transmitter and SAR Receiver states of the node.
type Server struct{ foundation.Responder }

// NewServer makes the model for the primary element of a node.
func NewServer() *Server {
	s := &Server{foundation.NewResponder(foundation.SARConfigurationServerID)}
	foundation.On(s, func(*access.Incoming, *TransmitterGet) access.Message { return s.transmitter() })
	foundation.On(s, func(_ *access.Incoming, m *TransmitterSet) access.Message {
		s.Change(func(n *state.Node) { n.SARTransmitter = &m.Transmitter })
		return s.transmitter()
	})
	foundation.On(s, func(*access.Incoming, *ReceiverGet) access.Message { return s.receiver() })
	foundation.On(s, func(_ *access.Incoming, m *ReceiverSet) access.Message {
		s.Change(func(n *state.Node) { n.SARReceiver = &m.Receiver })
		return s.receiver()
	})
	return s
}

func (s *Server) transmitter() access.Message {
	t := transport.DefaultTransmitter()
	if set := s.Host().State().SARTransmitter; set != nil {
		t = *set
	}
	return &TransmitterStatus{Transmitter: t}
}

func (s *Server) receiver() access.Message {
	r := transport.DefaultReceiver()
	if set := s.Host().State().SARReceiver; set != nil {
		r = *set
	}
	return &ReceiverStatus{Receiver: r}
}
