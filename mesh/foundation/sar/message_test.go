package sar_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/sar"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

func TestOctets(t *testing.T) {
	transmitter := transport.Transmitter{
		SegmentIntervalStep: 5, UnicastRetransmissions: 2, UnicastRetransmissionsWithoutProgress: 3,
		UnicastRetransmissionsIntervalStep: 7, UnicastRetransmissionsIntervalIncrease: 1,
		MulticastRetransmissions: 4, MulticastRetransmissionsIntervalStep: 8,
	}
	receiver := transport.Receiver{SegmentsThreshold: 3, AckDelayIncrement: 2, DiscardTimeout: 1, SegmentIntervalStep: 5, AckRetransmissions: 1}
	messagetest.Samples(t, []messagetest.Sample{
		{&sar.TransmitterGet{}, "806c"},
		{&sar.TransmitterSet{Transmitter: transmitter}, "806d25734108"},
		{&sar.TransmitterStatus{Transmitter: transmitter}, "806e25734108"},
		{&sar.ReceiverGet{}, "806f"},
		{&sar.ReceiverSet{Receiver: receiver}, "8070435101"},
		{&sar.ReceiverStatus{Receiver: receiver}, "8071435101"},
	})
}
