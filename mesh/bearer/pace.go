package bearer

import "time"

// Pace is how fast a radio can send: a Bluetooth 5 controller advertises at
// most every 20 ms, an older one every 100 ms (Core, volume 4 part E, 7.8.5).
// Timers for an answer need it, because the request may still be in the queue.
type Pace struct {
	Interval time.Duration // minimum time between two transmissions of a PDU
	Delay    time.Duration // what the link layer adds to each interval
	End      time.Duration // from the last transmission until the next PDU can begin
	// Parallel is how many PDUs of different lanes it sends at the same time; 0
	// counts as 1.
	Parallel int
}

// Paced is a Bearer that knows its pace.
type Paced interface {
	// Pace is cheap enough to be called for each PDU. It is zero as long as the
	// pace is not known.
	Pace() Pace
}

// UsualPace is that of a Bluetooth 5 controller. Its link layer adds up to 10
// ms (Core, volume 6 part B, 4.4.2.2.1), and it reports the end of a
// transmission.
func UsualPace() Pace {
	return Pace{Interval: 20 * time.Millisecond, Delay: 5 * time.Millisecond, End: 10 * time.Millisecond}
}

// Airtime is how long the radio is busy with a PDU.
func (p Pace) Airtime(t Transmit) time.Duration {
	return time.Duration(max(t.Count, 1)-1)*(max(t.Interval, p.Interval)+p.Delay) + p.End
}

// Share is the part of its time that the radio spends on a PDU, when it has enough
// of them for different lanes.
func (p Pace) Share(t Transmit) time.Duration {
	return p.Airtime(t) / time.Duration(max(p.Parallel, 1))
}

// Pace implements Paced: the radios send at the same time, so the slowest
// decides.
func (f Fanout) Pace() Pace {
	var slowest Pace
	for _, b := range f {
		if p, ok := b.(Paced); ok {
			own := p.Pace()
			slowest.Interval = max(slowest.Interval, own.Interval)
			slowest.Delay = max(slowest.Delay, own.Delay)
			slowest.End = max(slowest.End, own.End)
			if own.Parallel > 0 && (slowest.Parallel == 0 || own.Parallel < slowest.Parallel) {
				slowest.Parallel = own.Parallel
			}
		}
	}
	return slowest
}
