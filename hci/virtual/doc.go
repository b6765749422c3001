// Package virtual simulates radio without a radio: Bluetooth LE controllers
// that share one simulated air and offer real HCI to their hosts (Core, volume
// 4 part E for commands and events, volume 6 part B for what advertisers and
// scanners do). The demo and the tests use it.
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
// Timing is realistic: advertising events come at the commanded interval plus 0
// to 10 ms (volume 6 part B, 4.4.2.2.1), a radio sends one event at a time, and
// a scanner hears only within its scan window. Faults can be injected: see
// [Controller.DropCompletion], [Controller.Hang], [Controller.Mute],
// [Controller.HardwareError], [Controller.HoldData],
// [Controller.DropCompleted], [Controller.Unplug] and [Controller.Garble].
//
// An initiating controller connects to a peer whose connectable advertisement
// it hears. The two then meet at every connection interval. Data lost in one
// event is sent in the next, until the supervision timeout has passed in
// silence.
//
// One goroutine runs the air, driven by one heap of timers. It waits only on a
// timer and a channel, so that everything works inside a testing/synctest
// bubble, where hours pass at once. Random decisions depend on the seed, the
// two addresses and the number of the advertising event, and not on the order
// in which goroutines run. The same hosts with the same actions at the same
// times give the same trace.
//
// Not simulated are: the three channels (an advertising event is one
// transmission), PHYs other than LE 1M, directed and periodic advertising,
// filter accept lists, private address resolution, encryption, and the time
// that connection events take from the radio.
package virtual
