package advertiser

import (
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// TestNoSilentStall drops the completion of each of the first commands in turn.
// Whichever is lost, everything is sent in order in the end, and the radio
// receives.
func TestNoSilentStall(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {Address: addressA}, "legacy": {Address: addressA, Legacy: true}, "exclusive": {Address: addressA, Exclusive: true},
	} {
		t.Run(name, func(t *testing.T) {
			for dropped := 1; dropped <= 40; dropped++ {
				inRoom(t, func(t *testing.T, r *room) {
					a := r.radio(options, Config{})
					b := r.radio(virtual.Options{Address: addressB}, Config{})
					a.virtual.DropCompletion(dropped)
					for i := range 10 {
						a.send(t, pdu(bearer.OwnLane(5), fmt.Sprintf("a%d", i), 2, 20*ms))
					}
					time.Sleep(10 * time.Second)
					b.send(t, pdu(bearer.OwnLane(5), "b", 5, 100*ms))
					time.Sleep(5 * time.Second)
					last, seen := "", map[string]bool{}
					for _, text := range b.texts() {
						if text < last {
							t.Errorf("command %d: %q after %q", dropped, text, last)
						}
						last = text
						seen[text] = true
					}
					if len(seen) != 10 {
						t.Errorf("command %d: %d of 10 were heard", dropped, len(seen))
					}
					if got := a.texts(); len(got) == 0 {
						t.Errorf("command %d: it receives nothing", dropped)
					}
					n := a.controller.Stats()
					if n.Unanswered != n.Resets || n.Unanswered > 1 {
						t.Errorf("command %d: %+v", dropped, n)
					}
					if s := a.Stats(); s.Sent != 10 {
						t.Errorf("command %d: %+v", dropped, s)
					}
				})
			}
		})
	}
}

// TestSetThatDoesNotEnd has a transmitter that stops without reporting it. The
// controller is reset until it works again, and the queue is sent.
func TestSetThatDoesNotEnd(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		a := r.radio(virtual.Options{Address: addressA}, Config{})
		a.virtual.Mute(true)
		a.send(t, pdu(bearer.OwnLane(5), "a", 2, 20*ms))
		a.send(t, pdu(bearer.OwnLane(5), "b", 2, 20*ms))
		time.Sleep(1500 * ms)
		if s := a.Stats(); s.Unended != 1 || s.Repeated != 1 {
			t.Errorf("stats %+v", s)
		}
		a.virtual.Mute(false)
		time.Sleep(10 * time.Second)
		if got := r.said(); got != "a*2 b*2" {
			t.Errorf("on the air: %s, stats %+v", got, a.Stats())
		}
		if s := a.Stats(); s.Sent != 2 || s.Dropped != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestPDUThatAlwaysFails checks that such a PDU is given up, so that the PDUs
// behind it are sent.
func TestPDUThatAlwaysFails(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		a := r.radioRefusing(virtual.Options{Address: addressA}, func(op packet.Opcode, params []byte) packet.Status {
			if op == packet.OpLESetExtendedAdvertisingData && params[len(params)-1] == 'a' {
				return packet.StatusInvalidParameters
			}
			return packet.StatusSuccess
		})
		a.send(t, pdu(bearer.OwnLane(5), "a", 2, 20*ms))
		a.send(t, pdu(bearer.OwnLane(5), "b", 2, 20*ms))
		time.Sleep(10 * time.Second)
		if s := a.Stats(); r.said() != "b*2" || s.Dropped != 1 || s.Repeated != maxAttempts-1 || s.Sent != 1 {
			t.Errorf("on the air: %s, stats %+v", r.said(), s)
		}
	})
}

// TestUnpluggedAndBack checks that the queue survives while the adapter is
// away for a moment, that Cancel and Send work meanwhile, and that the radio is
// back in service soon, also after an hour.
func TestUnpluggedAndBack(t *testing.T) {
	for away, want := range map[time.Duration]string{3 * time.Second: "abc", time.Hour: "c"} {
		inRoom(t, func(t *testing.T, r *room) {
			a := r.radio(virtual.Options{Address: addressA}, Config{})
			a.send(t, pdu(bearer.OwnLane(5), "a", 20, 20*ms))
			a.send(t, pdu(bearer.OwnLane(5), "b", 2, 20*ms))
			a.send(t, pdu(bearer.LinkLane(1), "link", 20, 20*ms))
			time.Sleep(100 * ms)
			a.virtual.Unplug()
			time.Sleep(away)
			before := len(r.events())
			a.Cancel(bearer.LinkLane(1))
			a.send(t, pdu(bearer.OwnLane(5), "c", 2, 20*ms))
			if err := a.virtual.Plug(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			said := ""
			for _, e := range r.events()[before:] {
				if len(said) == 0 || said[len(said)-1:] != e.pdu {
					said += e.pdu
				}
			}
			if said != want {
				t.Errorf("after %s: %q, expected %q", away, said, want)
			}
			if took := r.events()[before].at; took > away+5*time.Second {
				t.Errorf("back in service %s after the start", took)
			}
		})
	}
}

// TestHangingController answers nothing until Reset.
func TestHangingController(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		a := r.radio(virtual.Options{Address: addressA}, Config{})
		a.virtual.Hang(true)
		a.send(t, pdu(bearer.OwnLane(5), "a", 2, 20*ms))
		time.Sleep(10 * time.Second)
		events := r.events()
		if len(events) != 2 {
			t.Fatalf("%d events, stats %+v", len(events), a.controller.Stats())
		}
		if events[0].at > 3*time.Second {
			t.Errorf("back after %s", events[0].at)
		}
	})
}

// TestGarbage makes the controller send invalid packets from time to time.
func TestGarbage(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		a := r.radio(virtual.Options{Address: addressA}, Config{})
		for i := range 20 {
			a.virtual.Garble(1 + i%3)
			a.send(t, pdu(bearer.OwnLane(5), fmt.Sprintf("%02d", i), 2, 20*ms))
			time.Sleep(20 * time.Second)
		}
		a.virtual.Garble(0)
		time.Sleep(time.Minute)
		if s := a.Stats(); s.Sent+s.Dropped != 20 || s.Dropped > 1 {
			t.Errorf("stats %+v %+v", s, a.controller.Stats())
		}
	})
}

// TestStaleMessagesAreNotSent: what waits for an adapter that comes back after minutes is
// not sent then. A lamp must not go on because of a command that has failed long ago.
func TestStaleMessagesAreNotSent(t *testing.T) {
	const minute, second = time.Minute, time.Second
	for name, tt := range map[string]struct {
		away  time.Duration
		later bool // something is sent all the time
		want  string
	}{
		"one second":               {second, false, "early*2 last*2"},
		"a minute":                 {minute, false, "last*2"},
		"a minute of more to send": {minute, true, "recent*2 last*2"},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(virtual.Options{Address: addressA}, Config{})
				a.stop()
				a.send(t, pdu(bearer.OwnLane(5), "early", 2, 20*ms))
				for range int(tt.away/second) - 1 {
					time.Sleep(second)
					if tt.later {
						a.send(t, pdu(bearer.OwnLane(6), "meanwhile", 2, 20*ms))
					}
				}
				time.Sleep(second / 2)
				if tt.later {
					a.Cancel(bearer.OwnLane(6))
					a.send(t, pdu(bearer.OwnLane(5), "recent", 2, 20*ms))
				}
				time.Sleep(second / 2)
				stop := a.start()
				defer stop()
				a.send(t, pdu(bearer.OwnLane(5), "last", 2, 20*ms))
				time.Sleep(5 * second)
				if got := r.said(); got != tt.want {
					t.Errorf("on the air: %s, expected %s; stats %+v", got, tt.want, a.Stats())
				}
			})
		})
	}
}
