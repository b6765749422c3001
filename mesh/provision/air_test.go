package provision

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// channel is what the simulated air does to a PDU.
type channel struct {
	loss      float64 // of each advertisement
	duplicate float64
	maxDelay  time.Duration // if longer than the interval, the order changes
	silence   time.Duration // after this nothing arrives any more, 0 for never
}

// flight is a PDU on its way.
type flight struct {
	at       time.Time
	toDevice bool
	pdu      []byte
}

// radio advertises what one side sends, one PDU after the other.
type radio struct {
	queue []bearer.Outgoing
	next  time.Time // time of the next advertisement
}

// air runs both sides in simulated time.
type air struct {
	t           testing.TB
	channel     channel
	rng         *rand.Rand
	now         time.Time
	provisioner *Provisioner
	device      *Device
	acceptance  Acceptance
	radios      [2]radio // of the provisioner and of the device
	flights     []flight
	events      [2][]Event
	sent        int // advertisements
	user        user
}

func newAir(t testing.TB, s setup, c channel) *air {
	return &air{
		t: t, channel: c, rng: rand.New(seeded(s.seed + 1<<40)), now: testStart,
		provisioner: s.provisioner(t), device: s.device(t), acceptance: s.acceptance,
	}
}

func (a *air) take(side int, out *Output) {
	for i := 0; i < len(out.Events); i++ {
		if out.Events[i].Step == CapabilitiesGot {
			if err := a.provisioner.Accept(a.now, a.acceptance, out); err != nil {
				a.t.Fatal(err)
			}
		}
	}
	r := &a.radios[side]
	if len(out.Cancel) > 0 {
		r.queue = nil
	}
	if len(r.queue) == 0 && r.next.Before(a.now) {
		r.next = a.now
	}
	r.queue = append(r.queue, out.Send...)
	if len(r.queue) > 200 {
		a.t.Fatal("the queue of a radio grows without limit")
	}
	a.events[side] = append(a.events[side], out.Events...)
	for _, e := range slices.Clone(out.Events) {
		if a.user.watch(&e) {
			fromDevice, next := a.user.enter(a.t, a.now, a.provisioner, a.device)
			a.take(map[bool]int{false: 0, true: 1}[fromDevice], next)
		}
	}
}

// advertise sends the copy that is due.
func (a *air) advertise(side int) {
	r := &a.radios[side]
	o := &r.queue[0]
	a.sent++
	r.next = a.now.Add(o.Transmit.Interval)
	silent := a.channel.silence != 0 && a.now.Sub(testStart) > a.channel.silence
	copies := 1
	if a.rng.Float64() < a.channel.duplicate {
		copies++
	}
	for range copies {
		if silent || a.rng.Float64() < a.channel.loss {
			continue
		}
		delay := time.Millisecond
		if a.channel.maxDelay > 0 {
			delay += time.Duration(a.rng.Int64N(int64(a.channel.maxDelay)))
		}
		a.flights = append(a.flights, flight{at: a.now.Add(delay), toDevice: side == 0, pdu: bytes.Clone(o.PDU())})
	}
	o.Transmit.Count--
	if o.Transmit.Count == 0 {
		r.queue = r.queue[1:]
	}
}

// run continues until nothing is due any more, and returns how long it took
// until the provisioner had its result.
func (a *air) run() time.Duration {
	var took time.Duration
	var out Output
	a.provisioner.Open(a.now, &out)
	a.take(0, &out)
	for range 1_000_000 {
		var next time.Time
		var act func()
		consider := func(at time.Time, f func()) {
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next, act = at, f
			}
		}
		for i := range a.flights {
			consider(a.flights[i].at, func() {
				f := a.flights[i]
				a.flights = slices.Delete(a.flights, i, i+1)
				out.Reset()
				if f.toDevice {
					a.device.Receive(a.now, f.pdu, &out)
					a.take(1, &out)
				} else {
					a.provisioner.Receive(a.now, f.pdu, &out)
					a.take(0, &out)
				}
			})
		}
		for side := range a.radios {
			if len(a.radios[side].queue) > 0 {
				consider(a.radios[side].next, func() { a.advertise(side) })
			}
		}
		consider(a.provisioner.NextDeadline(), func() { out.Reset(); a.provisioner.Tick(a.now, &out); a.take(0, &out) })
		consider(a.device.NextDeadline(), func() { out.Reset(); a.device.Tick(a.now, &out); a.take(1, &out) })
		if act == nil {
			return took
		}
		if next.After(a.now) {
			a.now = next
		}
		act()
		if took == 0 && a.provisioner.phase == provisionerEnded {
			took = a.now.Sub(testStart)
		}
	}
	a.t.Fatal("a session never ends")
	return 0
}

// outcome is the result of each side, nil for none.
func (a *air) outcome() (n *Node, j *Joined, provisionerFailure, deviceFailure *Failure) {
	for _, e := range a.events[0] {
		if e.Node != nil {
			n = e.Node
		}
		if e.Failure != nil {
			provisionerFailure = e.Failure
		}
	}
	for _, e := range a.events[1] {
		if e.Joined != nil {
			j = e.Joined
		}
		if e.Failure != nil {
			deviceFailure = e.Failure
		}
	}
	return n, j, provisionerFailure, deviceFailure
}

func drawSetup(t *rapid.T) setup {
	s := plainSetup()
	switch rapid.IntRange(0, 2).Draw(t, "method") {
	case 1:
		s = staticSetup(AllAlgorithms)
	case 2:
		method := rapid.SampledFrom([]AuthMethod{OutputOOB, InputOOB}).Draw(t, "prompted")
		s = promptedSetup(method, Action(rapid.IntRange(0, len(actionNames(method))-1).Draw(t, "action")), rapid.Uint8Range(1, 8).Draw(t, "size"))
	}
	if rapid.Bool().Draw(t, "public key out of band") {
		s.knowKey(t)
	}
	s.acceptance.Algorithms = rapid.SampledFrom([]Algorithms{1 << CMAC, 1 << HMAC, AllAlgorithms}).Draw(t, "algorithms")
	s.capabilities.Elements = rapid.Uint8Range(1, 255).Draw(t, "elements")
	s.seed = uint64(rapid.Uint32().Draw(t, "seed"))
	return s
}

// TestLossyChannel: on air that loses, duplicates and reorders, but delivers
// some PDUs, both sides end with the same keys.
func TestLossyChannel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSetup(rt)
		a := newAir(t, s, channel{
			loss:      rapid.Float64Range(0, 0.6).Draw(rt, "loss"),
			duplicate: rapid.Float64Range(0, 0.5).Draw(rt, "duplicate"),
			maxDelay:  time.Duration(rapid.IntRange(0, 300).Draw(rt, "delay")) * time.Millisecond,
		})
		a.provisioner.Share(rapid.Bool().Draw(rt, "shared"))
		a.run()
		n, j, pf, df := a.outcome()
		if n == nil || j == nil {
			rt.Fatalf("provisioner failed with %v, device with %v", pf, df)
		}
		agreed(t, n, j, &s.acceptance)
		if pf != nil || df != nil {
			rt.Errorf("further failures: %v, %v", pf, df)
		}
		if !a.device.Done() || !a.provisioner.Done() {
			rt.Error("not done")
		}
	})
}

// TestBrokenChannel: the air falls silent at some time, or the two sides have
// different values. The provisioner never has a node that has not joined, a
// device that has joined has the provisioner's keys, and both sides end.
func TestBrokenChannel(t *testing.T) {
	outcomes := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSetup(rt)
		wrongValue := s.deviceValue != nil && rapid.Bool().Draw(rt, "wrong value")
		if wrongValue {
			s.acceptance.Auth.Value = AuthValue("another")
		}
		a := newAir(t, s, channel{
			loss:      rapid.Float64Range(0, 0.5).Draw(rt, "loss"),
			duplicate: rapid.Float64Range(0, 0.5).Draw(rt, "duplicate"),
			maxDelay:  time.Duration(rapid.IntRange(0, 300).Draw(rt, "delay")) * time.Millisecond,
			silence:   time.Duration(rapid.IntRange(1, 3000).Draw(rt, "silence")) * time.Millisecond,
		})
		a.run()
		n, j, pf, df := a.outcome()
		if (n == nil) == (pf == nil) {
			rt.Fatalf("the provisioner has a node and a failure, or neither: %v", pf)
		}
		if j != nil && df != nil {
			rt.Fatalf("the device joined and failed: %v", df)
		}
		if n != nil && j == nil {
			rt.Fatal("the provisioner has a node that never joined")
		}
		if wrongValue && (n != nil || j != nil) {
			rt.Fatal("a side completed with the wrong value")
		}
		if n != nil {
			agreed(t, n, j, &s.acceptance)
		}
		if j == nil && a.device.Linked() {
			rt.Error("the device is still linked")
		}
		switch {
		case n != nil:
			outcomes["both completed"]++
		case j != nil:
			outcomes["Complete was lost"]++
		default:
			outcomes["both failed"]++
		}
	})
	if outcomes["both completed"] == 0 || outcomes["both failed"] == 0 {
		t.Errorf("the test does not reach both outcomes: %v", outcomes)
	}
	t.Log(outcomes)
}

// TestSpeed: on perfect air a session takes little more than its turns. One
// advertisement takes a millisecond to arrive, and its copies 20 ms each.
func TestSpeed(t *testing.T) {
	a := newAir(t, plainSetup(), channel{})
	took := a.run()
	t.Logf("clean air: %v, %d advertisements", took, a.sent)
	if n, _, _, _ := a.outcome(); n == nil || took > 800*time.Millisecond {
		t.Errorf("took %v", took)
	}
	var total time.Duration
	const sessions = 100
	for seed := range uint64(sessions) {
		s := plainSetup()
		s.seed = seed
		a := newAir(t, s, channel{loss: 0.2, maxDelay: 10 * time.Millisecond})
		total += a.run()
	}
	t.Logf("20%% loss: %v on average", total/sessions)
	if total/sessions > 3*time.Second {
		t.Errorf("with 20%% loss %v on average", total/sessions)
	}
}

// TestManySessions: several sessions share one output and do not disturb each
// other's lanes.
func TestManySessions(t *testing.T) {
	const count = 8
	var provisioners [count]*Provisioner
	var devices [count]*Device
	var out Output
	for i := range count {
		s := plainSetup()
		s.seed = uint64(i)
		p, d := s.provisioner(t), s.device(t)
		uuid := testUUID
		uuid[15] = byte(i)
		p.uuid, p.link.(*advertisedLink).uuid, d.options.UUID = uuid, uuid, uuid
		provisioners[i], devices[i] = p, d
		p.Open(testStart, &out)
	}
	nodes := map[byte]bool{}
	for range 20 {
		var answers Output
		for _, pdu := range distinct(out.Send) {
			for _, d := range devices {
				d.Receive(testStart, pdu, &answers)
			}
		}
		out.Reset()
		for _, pdu := range distinct(answers.Send) {
			for i, p := range provisioners {
				before := len(out.Events)
				p.Receive(testStart, pdu, &out)
				for _, e := range out.Events[before:] {
					if e.Step == CapabilitiesGot {
						if err := p.Accept(testStart, Acceptance{Network: testNetwork(), Address: 0x100}, &out); err != nil {
							t.Fatal(err)
						}
					}
					if e.Step == Completed {
						nodes[e.UUID[15]] = true
						if int(e.UUID[15]) != i {
							t.Error("an event names another device")
						}
					}
				}
			}
		}
	}
	if len(nodes) != count {
		t.Errorf("%d of %d sessions completed", len(nodes), count)
	}
}
