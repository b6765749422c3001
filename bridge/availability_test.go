package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

const (
	online  = `{"state":"online"}`
	offline = `{"state":"offline"}`
	silence = 10 * time.Minute // the default of Config.Silence
)

// A device that does not answer keeps its last reported state, which is
// published again. It is offline when a probe is not answered either.
func TestDeviceThatDoesNotAnswer(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.expect("b/plug/availability", online)
		plug.SetSilent(true)
		before := w.out.published("b/plug")
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(fake.Silence)
		if got := w.out.published("b/plug"); got != before+1 {
			t.Errorf("the state was published %d times, expected once", got-before)
		}
		w.expect("b/plug", `{"state":"OFF"}`)
		w.expect("b/plug/availability", online)
		pass(fake.Silence)
		w.expect("b/plug/availability", offline)
		if probes := plug.Received(configuration.OpDefaultTTLGet); len(probes) != 1 {
			t.Errorf("%d probes, expected 1", len(probes))
		}
		w.expect("b/hall/lamp/availability", online)

		// Any message makes it available again, and its state is read.
		plug.SetSilent(false)
		queries := len(plug.Received(generic.OpOnOffGet))
		w.report(plug, 0, &generic.OnOffStatus{PresentOnOff: true})
		w.expect("b/plug/availability", online)
		w.expect("b/plug", `{"state":"ON"}`)
		pass(time.Second)
		if got := len(plug.Received(generic.OpOnOffGet)); got != queries+1 {
			t.Errorf("%d queries after its return, expected 1", got-queries)
		}
		w.expect("b/plug", `{"state":"OFF"}`) // its own report
	})
}

func TestOneLostCommandIsNotOffline(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for range 3 {
			plug.SetSilent(true)
			w.send("b/plug/set", `{"state":"ON"}`)
			pass(fake.Silence - time.Second)
			plug.SetSilent(false)
			pass(time.Minute)
			w.expect("b/plug/availability", online)
		}
		if got := w.out.published("b/plug/availability"); got != 1 {
			t.Errorf("availability was published %d times", got)
		}
	})
}

func TestSilentDevicesAreProbedOneAfterTheOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		const devices = 5
		named := map[string]*fake.Node{}
		probed := make(chan time.Time, 100)
		for i := range devices {
			d := fake.Plug(uuid(byte(i + 1)))
			d.Answer = func(m fake.Message) (access.Message, bool) {
				if m.Opcode == configuration.OpDefaultTTLGet {
					probed <- time.Now()
				}
				return nil, false
			}
			named[fmt.Sprintf("plug%d", i)] = d
		}
		w.join(named)
		pass(silence / 2)
		w.report(named["plug0"], 0, &generic.OnOffStatus{}) // this device reports
		for _, d := range named {
			d.SetLatency(3 * time.Second)
		}
		pass(silence/2 + time.Minute)
		close(probed)
		var last time.Time
		count := 0
		for at := range probed {
			if !last.IsZero() && at.Sub(last) < 3*time.Second {
				t.Errorf("two probes were only %s apart", at.Sub(last))
			}
			last = at
			count++
		}
		if count != devices-1 {
			t.Errorf("%d probes, expected one for each silent device", count)
		}
		for name, d := range named {
			d.Answer = nil
			w.expect("b/"+name+"/availability", online)
		}
	})
}

func TestSilenceAndNoAnswerIsOffline(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.SetSilent(true)
		pass(silence + 3*fake.Silence)
		w.expect("b/plug/availability", offline)
		w.expect("b/hall/lamp/availability", online)
		plug.SetSilent(false)
		pass(silence + time.Minute)
		w.expect("b/plug/availability", online)
	})
}

func TestSleepingDeviceIsNotProbed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := fake.Button(uuid(1))
		d.Composition.Features = configuration.FeatureLowPower
		w.start()
		w.join(map[string]*fake.Node{"button": d})
		d.SetSilent(true)
		before := len(d.Received())
		pass(5 * silence)
		if got := d.Received()[before:]; len(got) != 0 {
			t.Errorf("a sleeping device was sent %v", got)
		}
		w.expect("b/button/availability", online)
	})
}

// A button has no state to read; after a start it is probed.
func TestDeviceWithoutStateIsProbedAfterAStart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := fake.Button(uuid(1))
		w.start()
		w.join(map[string]*fake.Node{"button": d})
		w.out.lose()
		w.restart()
		pass(time.Second)
		w.expect("b/button/availability", online)
		d.SetSilent(true)
		w.restart()
		pass(3 * fake.Silence)
		w.expect("b/button/availability", offline)
	})
}

func TestButtonsPublishEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		one := fake.Button(uuid(1))
		two := fake.Composed(uuid(2), []mesh.ModelID{generic.OnOffClientID}, []mesh.ModelID{generic.OnOffClientID})
		w.start()
		w.join(map[string]*fake.Node{"one": one, "two": two})
		w.report(one, 0, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 1}})
		w.report(one, 0, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 1}}) // repeated
		w.report(two, 1, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{TID: 9}})
		if got := w.out.take("b/one/event"); len(got) != 1 || got[0] != `{"event_type":"on"}` {
			t.Errorf("one: %v", got)
		}
		if got := w.out.take("b/two/event"); len(got) != 1 || got[0] != `{"element":1,"event_type":"off"}` {
			t.Errorf("two: %v", got)
		}
		if got := w.out.standing("b/one"); len(got) != 1 || got[0] != "b/one/availability" {
			t.Errorf("retained topics of a button: %v", got)
		}
	})
}
