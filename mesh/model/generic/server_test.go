package generic_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

func newSwitch(t *testing.T) (*generic.Switch, *servertest.Bench) {
	s := generic.NewSwitch()
	return s, servertest.New(t, s.Models()...)
}

// seconds and tenths are transitions in message form.
func seconds(n uint8, delay generic.Delay) generic.Transition {
	return generic.Transition{Present: true, Time: generic.TransitionTime(1<<6 | n), Delay: delay}
}

func expect(t *testing.T, what string, got, want access.Message) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestOnOffServer(t *testing.T) {
	_, b := newSwitch(t)
	off, on := &generic.OnOffStatus{}, &generic.OnOffStatus{PresentOnOff: true}
	expect(t, "new", b.Send(&generic.OnOffGet{}), off)
	expect(t, "set", b.Send(&generic.OnOffSet{OnOff: true, TID: 1}), on)
	expect(t, "get", b.Send(&generic.OnOffGet{}), on)
	if answer := b.Send(&generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{TID: 2}}); answer != nil {
		t.Errorf("an unacknowledged message was answered: %+v", answer)
	}
	expect(t, "after unacknowledged", b.Send(&generic.OnOffGet{}), off)
	for _, params := range [][]byte{{2, 1}, {1}, {1, 3, 0}, {1, 3, 0x3F, 0}, {1, 3, 0, 0, 0}} {
		if answer := b.Raw(b.Models[0], generic.OpOnOffSet, params); answer != nil {
			t.Errorf("parameters % x were answered: %+v", params, answer)
		}
	}
	expect(t, "after invalid parameters", b.Send(&generic.OnOffGet{}), off)
}

// Section 3.3.1.2.2: a repeated transaction is answered again, but not executed
// again.
func TestOnOffServerTransaction(t *testing.T) {
	s, b := newSwitch(t)
	b.Send(&generic.OnOffSet{OnOff: true, TID: 1})
	s.SetOnOff(b.Time, false, server.Timing{}) // the switch is pressed
	b.Pass(time.Second)
	expect(t, "repeated", b.Send(&generic.OnOffSet{OnOff: true, TID: 1}), &generic.OnOffStatus{})
	b.Pass(5999 * time.Millisecond)
	expect(t, "just in time", b.Send(&generic.OnOffSet{OnOff: true, TID: 1}), &generic.OnOffStatus{})
	expect(t, "another source", b.To(b.Models[0], 0x0200, &generic.OnOffSet{OnOff: true, TID: 1}), &generic.OnOffStatus{PresentOnOff: true})
	s.SetOnOff(b.Time, false, server.Timing{})
	b.Pass(6 * time.Second)
	expect(t, "too late", b.Send(&generic.OnOffSet{OnOff: true, TID: 1}), &generic.OnOffStatus{PresentOnOff: true})
	expect(t, "another transaction", b.Send(&generic.OnOffSet{TID: 2}), &generic.OnOffStatus{})
}

// Section 3.1.1: switching on happens at the beginning of a transition,
// switching off at its end.
func TestOnOffServerTransition(t *testing.T) {
	s, b := newSwitch(t)
	answer := b.Send(&generic.OnOffSet{OnOff: true, TID: 1, Transition: seconds(2, 200)}) // 1 s delay
	expect(t, "during the delay", answer, &generic.OnOffStatus{HasTarget: true, TargetOnOff: true, RemainingTime: 30})
	b.Pass(time.Second)
	expect(t, "at the beginning", b.Send(&generic.OnOffGet{}),
		&generic.OnOffStatus{PresentOnOff: true, HasTarget: true, TargetOnOff: true, RemainingTime: 20})
	b.Pass(2 * time.Second)
	expect(t, "at the end", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: true})

	b.Send(&generic.OnOffSet{TID: 2, Transition: seconds(4, 0)})
	b.Pass(3900 * time.Millisecond)
	expect(t, "switching off", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: true, HasTarget: true, RemainingTime: 1})
	b.Pass(100 * time.Millisecond)
	expect(t, "off", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{})

	// A message that arrives before the model was woken finds it up to date.
	b.Send(&generic.OnOffSet{OnOff: true, TID: 10, Transition: seconds(2, 200)})
	b.Time = b.Time.Add(1500 * time.Millisecond)
	expect(t, "not woken yet", b.Send(&generic.OnOffGet{}),
		&generic.OnOffStatus{PresentOnOff: true, HasTarget: true, TargetOnOff: true, RemainingTime: 15})
	b.Send(&generic.OnOffSet{TID: 11, Transition: seconds(0, 0)})

	// Reversed half way.
	b.Send(&generic.OnOffSet{OnOff: true, TID: 3, Transition: seconds(10, 0)})
	b.Pass(time.Second)
	b.Publications()
	s.SetOnOff(b.Time, true, server.Timing{})
	b.Pass(0)
	expect(t, "ended at once", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: true})
	if p := b.Publications(); len(p) != 1 {
		t.Errorf("the end of the transition was published %d times", len(p))
	}
}

func TestOnOffServerDefaultTransitionTime(t *testing.T) {
	_, b := newSwitch(t)
	expect(t, "set", b.Send(&generic.DefaultTransitionTimeSet{TransitionTime: 20}), &generic.DefaultTransitionTimeStatus{TransitionTime: 20})
	expect(t, "get", b.Send(&generic.DefaultTransitionTimeGet{}), &generic.DefaultTransitionTimeStatus{TransitionTime: 20})
	expect(t, "without a time", b.Send(&generic.OnOffSet{OnOff: true, TID: 1}),
		&generic.OnOffStatus{PresentOnOff: true, HasTarget: true, TargetOnOff: true, RemainingTime: 20})
	b.Pass(2 * time.Second)
	expect(t, "with a time", b.Send(&generic.OnOffSet{TID: 2, Transition: seconds(0, 0)}), &generic.OnOffStatus{})
	if answer := b.Raw(b.Models[1], generic.OpDefaultTransitionTimeSet, []byte{0x3F}); answer != nil {
		t.Errorf("an unknown time was accepted: %+v", answer)
	}
}

func TestSwitchPublishes(t *testing.T) {
	s, b := newSwitch(t)
	published := func(what string, want ...access.Message) {
		t.Helper()
		got := b.Publications()
		if len(got) != len(want) {
			t.Fatalf("%s: %d publications, want %d", what, len(got), len(want))
		}
		for i := range want {
			expect(t, what, got[i].Message, want[i])
		}
	}
	b.Send(&generic.OnOffSet{OnOff: true, TID: 1})
	published("set", &generic.OnOffStatus{PresentOnOff: true})
	b.Send(&generic.OnOffSet{OnOff: true, TID: 2})
	published("set to what it is")
	b.Context(b.Models[0], func(ctx access.Context) { s.SetOnOff(ctx.Now(), false, server.Timing{}) })
	published("by hand", &generic.OnOffStatus{})
	wakes := b.Wakes
	b.Send(&generic.OnOffSet{OnOff: true, TID: 3, Transition: seconds(60, 200)})
	b.Pass(2 * time.Minute)
	published("transition",
		&generic.OnOffStatus{HasTarget: true, TargetOnOff: true, RemainingTime: 1<<6 | 61},
		&generic.OnOffStatus{PresentOnOff: true, HasTarget: true, TargetOnOff: true, RemainingTime: 1<<6 | 60},
		&generic.OnOffStatus{PresentOnOff: true})
	if n := b.Wakes - wakes; n > 3 {
		t.Errorf("a transition of a minute woke the model %d times, want once for each publication", n)
	}
	b.Send(&generic.OnPowerUpSet{OnPowerUp: generic.PowerUpDefault})
	published("setting", &generic.OnPowerUpStatus{OnPowerUp: generic.PowerUpDefault})
	b.Periodic(b.Models[0])
	published("periodically", &generic.OnOffStatus{PresentOnOff: true})
}

// Section 3.1.4: behaviour at power-up.
func TestSwitchRemembers(t *testing.T) {
	for _, test := range []struct {
		up      generic.PowerUp
		on      bool
		restart bool
	}{
		{generic.PowerUpOff, true, false},
		{generic.PowerUpDefault, false, true},
		{generic.PowerUpRestore, true, true},
		{generic.PowerUpRestore, false, false},
	} {
		_, b := newSwitch(t)
		expect(t, "set", b.Send(&generic.OnPowerUpSet{OnPowerUp: test.up}), &generic.OnPowerUpStatus{OnPowerUp: test.up})
		b.Send(&generic.DefaultTransitionTimeSet{TransitionTime: 5})
		b.Send(&generic.OnOffSet{OnOff: !test.on, TID: 1, Transition: seconds(0, 0)})
		b.Send(&generic.OnOffSet{OnOff: test.on, TID: 2, Transition: seconds(10, 0)})
		state := b.Models[0].(access.Persistent).State()
		b.Pass(10 * time.Second)
		if later := b.Models[0].(access.Persistent).State(); string(later) != string(state) {
			t.Errorf("%s: the stored state changed during the transition", test.up)
		}
		_, b = newSwitch(t)
		if err := b.Models[0].(access.Persistent).Restore(state); err != nil {
			t.Fatal(err)
		}
		expect(t, test.up.String(), b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: test.restart})
		expect(t, test.up.String(), b.Send(&generic.DefaultTransitionTimeGet{}), &generic.DefaultTransitionTimeStatus{TransitionTime: 5})
		for _, m := range b.Models[1:] {
			if m.(access.Persistent).State() != nil {
				t.Errorf("model %s stores something too", m.ID())
			}
		}
	}
	_, b := newSwitch(t)
	if b.Models[0].(access.Persistent).Restore([]byte("{")) == nil {
		t.Error("invalid state was restored without an error")
	}
}

// dial is a separate level.
type dial struct {
	generic.Defaults
	group *server.Group
	level server.Fade
}

func newDial(t *testing.T, wraps bool) *servertest.Bench {
	d := &dial{}
	d.group = server.NewGroup(d)
	return servertest.New(t, generic.AddLevelServer(d.group, d, wraps))
}

func (d *dial) Level(now time.Time) generic.LevelStatus {
	s := generic.LevelStatus{PresentLevel: int16(d.level.At(now))}
	if left := d.level.Remaining(now); left > 0 {
		s.HasTarget, s.TargetLevel, s.RemainingTime = true, int16(d.level.Target()), generic.RemainingTime(left)
	}
	return s
}

func (d *dial) SetLevel(now time.Time, level int16, t server.Timing) {
	if d.level.Start(now, int(level), t) {
		d.group.Changed(now)
	}
}

func (d *dial) StopLevel(now time.Time) {
	if d.level.Stop(now) {
		d.group.Changed(now)
	}
}

func (d *dial) Deadline() time.Time    { return d.level.Deadline() }
func (d *dial) Advance(now time.Time)  { d.level.Advance(now) }
func (d *dial) State() []byte          { return nil }
func (d *dial) Restore(_ []byte) error { return nil }

func TestLevelServer(t *testing.T) {
	b := newDial(t, false)
	expect(t, "set", b.Send(&generic.LevelSet{Level: -32768, TID: 1}), &generic.LevelStatus{PresentLevel: -32768})
	expect(t, "again", b.Send(&generic.LevelSet{Level: -32768, TID: 1}), &generic.LevelStatus{PresentLevel: -32768})
	answer := b.Send(&generic.LevelSet{Level: 32767, TID: 2, Transition: seconds(2, 0)})
	expect(t, "fade", answer, &generic.LevelStatus{PresentLevel: -32768, HasTarget: true, TargetLevel: 32767, RemainingTime: 20})
	b.Pass(time.Second)
	expect(t, "half way", b.Send(&generic.LevelGet{}), &generic.LevelStatus{PresentLevel: -1, HasTarget: true, TargetLevel: 32767, RemainingTime: 10})
	if b.Send(&generic.LevelSetUnacknowledged{LevelSet: generic.LevelSet{Level: 5, TID: 3}}) != nil {
		t.Error("an unacknowledged message was answered")
	}
	expect(t, "interrupted", b.Send(&generic.LevelGet{}), &generic.LevelStatus{PresentLevel: 5})
}

// Section 3.3.2.2.3: the deltas of one transaction count from its beginning.
func TestLevelServerDelta(t *testing.T) {
	b := newDial(t, false)
	level := func(what string, m access.Message, want int16) {
		t.Helper()
		expect(t, what, b.Send(m), &generic.LevelStatus{PresentLevel: want})
	}
	level("first", &generic.DeltaSet{DeltaLevel: 100, TID: 1}, 100)
	level("repeated", &generic.DeltaSet{DeltaLevel: 100, TID: 1}, 100)
	level("turned on", &generic.DeltaSet{DeltaLevel: 250, TID: 1}, 250)
	level("turned back", &generic.DeltaSet{DeltaLevel: -50, TID: 1}, -50)
	level("new transaction", &generic.DeltaSet{DeltaLevel: 100, TID: 2}, 50)
	b.Pass(6 * time.Second)
	level("the same identifier too late", &generic.DeltaSet{DeltaLevel: 100, TID: 2}, 150)
	level("above the maximum", &generic.DeltaSet{DeltaLevel: 100000, TID: 3}, math.MaxInt16)
	level("below the minimum", &generic.DeltaSet{DeltaLevel: math.MinInt32, TID: 4}, math.MinInt16)

	// Repeated during the fade: it continues unchanged.
	b.Send(&generic.LevelSet{TID: 5})
	b.Send(&generic.DeltaSet{DeltaLevel: 1000, TID: 6, Transition: seconds(10, 0)})
	b.Pass(5 * time.Second)
	expect(t, "the same while it fades", b.Send(&generic.DeltaSet{DeltaLevel: 1000, TID: 6, Transition: seconds(10, 0)}),
		&generic.LevelStatus{PresentLevel: 500, HasTarget: true, TargetLevel: 1000, RemainingTime: 50})

	b = newDial(t, true)
	level("to the top", &generic.LevelSet{Level: math.MaxInt16, TID: 1}, math.MaxInt16)
	level("around", &generic.DeltaSet{DeltaLevel: 2, TID: 2}, math.MinInt16+1)
}

// Section 3.3.2.2.4: a speed, until it is stopped.
func TestLevelServerMove(t *testing.T) {
	b := newDial(t, false)
	b.Send(&generic.LevelSet{Level: 0, TID: 1})
	answer := b.Send(&generic.MoveSet{DeltaLevel: 3277, TID: 2, Transition: seconds(1, 0)})
	expect(t, "moving", answer, &generic.LevelStatus{HasTarget: true, TargetLevel: math.MaxInt16, RemainingTime: 1<<6 | 10})
	b.Pass(5 * time.Second)
	answer = b.Send(&generic.MoveSet{TID: 3})
	status, ok := answer.(*generic.LevelStatus)
	if !ok || status.HasTarget || status.PresentLevel < 16384 || status.PresentLevel > 16386 {
		t.Errorf("stopped: %+v, want it to stop half way up", answer)
	}
	b.Send(&generic.MoveSet{DeltaLevel: -100, TID: 4})
	if s := b.Send(&generic.LevelGet{}).(*generic.LevelStatus); s.HasTarget {
		t.Errorf("moving without a transition time: %+v", s)
	}
	b.Send(&generic.MoveSet{DeltaLevel: -1, TID: 5, Transition: generic.Transition{Present: true, Time: 0xFE}})
	if s := b.Send(&generic.LevelGet{}).(*generic.LevelStatus); s.TargetLevel != math.MinInt16 || s.RemainingTime.IsKnown() {
		t.Errorf("very slowly: %+v, want the minimum with an unknown remaining time", s)
	}
}

func TestBatteryServer(t *testing.T) {
	full := generic.BatteryStatus{BatteryLevel: 100, TimeToDischarge: 600, TimeToCharge: generic.UnknownBatteryTime, Serviceability: 1}
	battery := generic.NewBattery(full)
	b := servertest.New(t, battery.Model())
	expect(t, "get", b.Send(&generic.BatteryGet{}), &full)
	low := full
	low.BatteryLevel = 5
	for range 2 {
		b.Context(battery.Model(), func(ctx access.Context) { battery.Set(ctx.Now(), low) })
	}
	if p := b.Publications(); len(p) != 1 {
		t.Errorf("one change was published %d times", len(p))
	}
	expect(t, "changed", b.Send(&generic.BatteryGet{}), &low)
}

func TestClients(t *testing.T) {
	onOff, level := generic.NewOnOffClient(), generic.NewLevelClient()
	b := servertest.New(t, onOff, level)
	b.Context(onOff, func(ctx access.Context) {
		onOff.Set(ctx, true)
		onOff.Set(ctx, false)
	})
	b.Context(level, func(ctx access.Context) {
		level.Set(ctx, 100)
		level.Delta(ctx, 10)
		level.Turn(ctx, 15)
		level.Delta(ctx, -5)
		level.Move(ctx, 300, 2)
	})
	want := []access.Message{
		&generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 1}},
		&generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{TID: 2}},
		&generic.LevelSetUnacknowledged{LevelSet: generic.LevelSet{Level: 100, TID: 1}},
		&generic.DeltaSetUnacknowledged{DeltaSet: generic.DeltaSet{DeltaLevel: 10, TID: 2}},
		&generic.DeltaSetUnacknowledged{DeltaSet: generic.DeltaSet{DeltaLevel: 25, TID: 2}},
		&generic.DeltaSetUnacknowledged{DeltaSet: generic.DeltaSet{DeltaLevel: -5, TID: 3}},
		&generic.MoveSetUnacknowledged{MoveSet: generic.MoveSet{
			DeltaLevel: 300, TID: 4, Transition: generic.Transition{Present: true, Time: 2},
		}},
	}
	got := b.Publications()
	for i := range want {
		if i >= len(got) {
			t.Fatalf("%d publications, want %d", len(got), len(want))
		}
		expect(t, "publication", got[i].Message, want[i])
	}
	// After a restart the next transaction is a new one.
	again := generic.NewOnOffClient()
	if err := again.Restore(onOff.State()); err != nil {
		t.Fatal(err)
	}
	b.Context(again, func(ctx access.Context) { again.Set(ctx, true) })
	expect(t, "after a restart", b.Publications()[0].Message, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 3}})
	if onOff.ID() != generic.OnOffClientID || level.ID() != generic.LevelClientID || mesh.ModelID(0xFFFF1001) != onOff.ID() {
		t.Error("wrong model identifiers")
	}
}
