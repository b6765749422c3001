package transport

import (
	"testing"
	"time"
)

// Sections 4.2.48 and 4.2.49.
func TestSARFormulas(t *testing.T) {
	most := Transmitter{15, 15, 15, 15, 15, 15, 15}
	slow := Receiver{SegmentsThreshold: 31, AckDelayIncrement: 7, DiscardTimeout: 15, SegmentIntervalStep: 15, AckRetransmissions: 3}
	for name, c := range map[string]struct{ got, want time.Duration }{
		"segment interval":              {DefaultTransmitter().SegmentInterval(), 60 * ms},
		"segment interval, most":        {most.SegmentInterval(), 160 * ms},
		"unicast, TTL 0":                {DefaultTransmitter().UnicastInterval(0), 200 * ms},
		"unicast, TTL 1":                {DefaultTransmitter().UnicastInterval(1), 200 * ms},
		"unicast, TTL 5":                {DefaultTransmitter().UnicastInterval(5), 400 * ms},
		"unicast, most":                 {most.UnicastInterval(127), 127 * 400 * ms},
		"multicast":                     {DefaultTransmitter().MulticastInterval(), 250 * ms},
		"multicast, most":               {most.MulticastInterval(), 400 * ms},
		"acknowledgment of one segment": {DefaultReceiver().AckDelay(0), 30 * ms},
		"acknowledgment of two":         {DefaultReceiver().AckDelay(1), 90 * ms},
		"acknowledgment of three":       {DefaultReceiver().AckDelay(2), 150 * ms},
		"acknowledgment of 32":          {DefaultReceiver().AckDelay(31), 150 * ms},
		"acknowledgment of 32, slow":    {slow.AckDelay(31), 1360 * ms},
		"acknowledgment of eight, slow": {slow.AckDelay(7), 1200 * ms},
		"between acknowledgments":       {DefaultReceiver().AckPeriod(), 150 * ms},
		"segment reception":             {DefaultReceiver().SegmentInterval(), 60 * ms},
		"discard":                       {DefaultReceiver().Discard(), 10 * time.Second},
		"discard, slow":                 {slow.Discard(), 80 * time.Second},
		"no repetition up to SegN 31":   {time.Duration(slow.ackRepeats(31)), 0},
		"no repetition by default":      {time.Duration(DefaultReceiver().ackRepeats(31)), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, expected %s", name, c.got, c.want)
		}
	}
}
