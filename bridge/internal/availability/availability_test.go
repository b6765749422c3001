package availability_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/availability"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// others are the parts that availability needs.
type others struct {
	queries, interviews []string
	ends                []func(error)
}

func (o *others) Refresh(d *registry.Device, done func(error)) {
	o.queries = append(o.queries, d.Record.Name)
	o.ends = append(o.ends, done)
}

func (o *others) Interview(d *registry.Device, _ part.DeviceAnswer) {
	o.interviews = append(o.interviews, d.Record.Name)
}

const silence = 10 * time.Minute

func start(t *testing.T) (*parttest.Bench, *availability.Part, *others) {
	t.Helper()
	var p *availability.Part
	o := &others{}
	b := parttest.Start(t, func(h *part.Host) part.Part {
		p = availability.New(h, silence)
		p.Connect(o, o)
		return p
	})
	return b, p, o
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, expected %v", what, got, want)
	}
}

// A device is online when it is heard, offline after two requests without an
// answer, and asked for its state when it is back.
func TestOnlineOfflineAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p, o := start(t)
		plug := fake.Plug(parttest.UUID(1))
		d := b.Join("plug", plug)
		heard := node.MessageReceived{Src: plug.Address(), Dst: 1, Opcode: generic.OpOnOffStatus, Params: []byte{1}}
		b.Report(heard)
		expect(t, "heard", b.Take("availability"), `b/plug/availability {"state":"online"}`)
		b.Report(heard) // no news

		plug.SetSilent(true)
		b.Do(func() { p.Unanswered(d) })
		expect(t, "after one failure", b.Take("availability"))
		time.Sleep(2 * fake.Silence)
		expect(t, "after the probe", b.Take("availability"), `b/plug/availability {"state":"offline"}`)
		expect(t, "queries", o.queries)

		plug.SetSilent(false)
		b.Report(heard)
		expect(t, "back", b.Take("availability"), `b/plug/availability {"state":"online"}`)
		expect(t, "queries", o.queries, "plug")
	})
}

// Silent devices are probed one after the other, and not while they are busy.
func TestSilentDevicesAreProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, _ := start(t)
		nodes := map[string]*fake.Node{}
		for n, name := range []string{"a", "b", "busy"} {
			nodes[name] = fake.Plug(parttest.UUID(byte(n + 1)))
			d := b.Join(name, nodes[name])
			b.Do(func() { d.Busy = name == "busy" })
		}
		probes := func(name string) int { return len(nodes[name].Received(configuration.OpDefaultTTLGet)) }
		time.Sleep(silence - 10*time.Second)
		synctest.Wait()
		if probes("a")+probes("b") != 0 {
			t.Error("a device was probed too early")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if probes("a") != 1 || probes("b") != 1 || probes("busy") != 0 {
			t.Errorf("probes: %d, %d and %d of a busy device", probes("a"), probes("b"), probes("busy"))
		}
	})
}

// A device whose interview was interrupted by its absence gets one when it is back.
func TestInterviewOfADeviceThatIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p, o := start(t)
		d := b.Join("plug", fake.Plug(parttest.UUID(1)))
		b.Do(func() {
			d.Translator = nil
			p.SetOnline(d, false)
			p.SetOnline(d, true)
		})
		expect(t, "interviews", o.interviews, "plug")
		expect(t, "queries", o.queries)
		b.Do(func() { p.Removed(d, false) })
		if got := b.Take("logging"); len(got) != 0 {
			t.Errorf("logged %v", got)
		}
	})
}

// After the start a few devices at a time are asked for their state. One that is refused
// because too much waits is asked again, and one that is busy when it is free.
func TestStartRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p, o := start(t)
		var last *registry.Device
		for n := range 12 {
			last = b.Join(string(rune('a'+n)), fake.Plug(parttest.UUID(byte(n+1))))
		}
		b.Do(func() { last.Busy = true; p.Start() })
		expect(t, "at once", o.queries, "a", "b", "c", "d", "e", "f", "g", "h")
		b.Do(func() { o.ends[2](nil); o.ends[0](fmt.Errorf("%w: full", node.ErrQueueFull)) })
		expect(t, "behind one that has ended", o.queries[8:], "i")
		b.Do(func() {
			for _, end := range []int{1, 3, 4, 5, 6, 7} {
				o.ends[end](nil)
			}
		})
		expect(t, "behind the others", o.queries[9:], "j", "k")
		b.Do(func() {
			for _, end := range o.ends[8:11] {
				end(nil)
			}
			if n := p.Refreshing(); n != 2 {
				t.Errorf("%d are still to be asked", n)
			}
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, "again", o.queries[11:], "a")
		b.Do(func() { last.Busy = false; o.ends[11](nil) })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, "free again", o.queries[12:], "l")
		b.Do(func() { o.ends[12](nil) })
		if n := p.Refreshing(); n != 0 {
			t.Errorf("%d are still to be asked", n)
		}
	})
}

// What was offline at the stop is so after the next start, until it is heard: it is asked
// last. The others are asked in the order in which they were heard.
func TestOfflineIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p, _ := start(t)
		var all []*registry.Device
		for n, name := range []string{"a", "b", "c"} {
			all = append(all, b.Join(name, fake.Plug(parttest.UUID(byte(n+1)))))
		}
		time.Sleep(time.Hour)
		b.Do(func() {
			p.SetOnline(all[0], false)
			p.Heard(all[1])
		})
		b.Do(p.Stop)
		b.Do(func() { b.Host.Writer.Finish(t.Context()) })

		o := &others{}
		again := availability.New(b.Host, silence)
		again.Connect(o, o)
		for _, d := range all {
			d.Offline = false
		}
		if err := again.Load(); err != nil {
			t.Fatal(err)
		}
		b.Do(again.Start)
		expect(t, "asked", o.queries, "c", "b", "a")
		if !all[0].Offline || all[1].Offline {
			t.Error("who was offline is not known")
		}
	})
}
