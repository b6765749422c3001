package sar_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/sar"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

func TestSARServer(t *testing.T) {
	h, s := hosttest.New(), sar.NewServer()
	s.Attach(h)
	transmitter := transport.Transmitter{SegmentIntervalStep: 9, UnicastRetransmissions: 7}
	receiver := transport.Receiver{SegmentsThreshold: 31, AckDelayIncrement: 7}
	hosttest.Play(t, h, s, []hosttest.Step{
		{"transmitter get", &sar.TransmitterGet{}, &sar.TransmitterStatus{Transmitter: transport.DefaultTransmitter()}, nil},
		{
			"transmitter set", &sar.TransmitterSet{Transmitter: transmitter}, &sar.TransmitterStatus{Transmitter: transmitter},
			func(h *hosttest.Host) bool { return *h.Node.SARTransmitter == transmitter },
		},
		{"receiver get", &sar.ReceiverGet{}, &sar.ReceiverStatus{Receiver: transport.DefaultReceiver()}, nil},
		{
			"receiver set", &sar.ReceiverSet{Receiver: receiver}, &sar.ReceiverStatus{Receiver: receiver},
			func(h *hosttest.Host) bool { return *h.Node.SARReceiver == receiver },
		},
	})
}
