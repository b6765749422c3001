// Package virtual is a radio room without radio: Bluetooth LE controllers that
// share one simulated air and speak real HCI to their hosts (Core, volume 4
// part E for the commands and events, volume 6 part B for what advertisers and
// scanners do with them). The demo lives on it and so do the tests.
//
//	host A               host B               host C (anything that speaks H4)
//	  | H4 packets         | H4 packets         | H4 over a net.Conn
//	+-v----------+       +-v----------+       +-v----------+
//	| Controller |       | Controller |       | Controller |
//	+-----+------+       +-----+------+       +-----+------+
//	      |  advertising event | [reports]          |
//	+-----v--------------------+--------------------+------+
//	| Air: per directed link loss, delay, duplication, RSSI |
//	+-------------------------------------------------------+
//
// The controllers are honest about time: advertising events come at the
// commanded interval plus 0 to 10 ms (volume 6 part B, 4.4.2.2.1), one radio
// sends one event at a time, and a scanner hears only in its scan window.
// They are dishonest on request: see [Controller.DropCompletion],
// [Controller.Hang], [Controller.Mute], [Controller.HardwareError],
// [Controller.HoldData], [Controller.DropCompleted], [Controller.Unplug] and
// [Controller.Garble].
//
// A controller that initiates connects to one whose connectable advertisement
// it hears. The two then meet at every connection interval; an event that one
// of them does not hear is made up for by the next, until the supervision
// timeout has passed in silence.
//
// One goroutine runs the air, driven by one heap of what is to happen next.
// It waits on a timer and a channel only, so that the whole room works inside
// a testing/synctest bubble, where hours pass at once. Chance is a function of
// the seed, the two addresses and the number of the advertising event, not of
// the order in which goroutines run: the same hosts doing the same things at
// the same moments give the same trace.
//
// Of the Core's radio these are left out: the three channels (an advertising
// event is one transmission), other PHYs than LE 1M, directed and periodic
// advertising, filter accept lists, private address resolution, encryption, and
// the time that connection events take from the radio.
package virtual
