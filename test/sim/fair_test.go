package sim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// crowd is a gateway, station 0, in the middle of others that all hear it.
type crowd struct {
	*testing.T
	*sim.World
}

func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	return &crowd{t, world(t, sim.Options{
		Seed: 1, Neighbours: sim.Star(n + 1), TTL: 5, Air: sim.Air{Loss: 0.05, HalfDuplex: true},
	})}
}

// outcome is what became of a request.
type outcome struct {
	took time.Duration
	err  error
	over bool
}

// send sends a request from the gateway.
func (c *crowd) send(r node.Request) *outcome {
	o, at := &outcome{}, c.Elapsed()
	if err := c.Stations[0].Request(r, func(d node.RequestDone) { *o = outcome{c.Elapsed() - at, d.Err, true} }); err != nil {
		*o = outcome{0, err, true}
	}
	return o
}

// command switches a station.
func (c *crowd) command(to int) *outcome {
	c.Helper()
	r, err := sim.Switch(sim.Address(to), true, uint8(to))
	if err != nil {
		c.Fatal(err)
	}
	return c.send(r)
}

// query asks a station for its state.
func (c *crowd) query(to int, class node.Class, flow node.Flow) node.Request {
	c.Helper()
	payload, err := access.Append(nil, &generic.OnOffGet{})
	if err != nil {
		c.Fatal(err)
	}
	return node.Request{
		Dst: sim.Address(to), TTL: mesh.DefaultTTL, Payload: payload, Respond: generic.OpOnOffStatus, Class: class, Flow: flow,
	}
}

// within expects commands to be carried out in time.
func (c *crowd) within(limit time.Duration, what string, all ...*outcome) {
	c.Helper()
	run(c.T, c.World, 10*time.Minute, func() bool {
		for _, o := range all {
			if !o.over {
				return false
			}
		}
		return true
	})
	var last time.Duration
	for i, o := range all {
		last = max(last, o.took)
		if o.err != nil || o.took > limit {
			c.Errorf("%s: command %d of %d was answered after %s (wanted %s): %v", what, i+1, len(all), o.took, limit, o.err)
		}
	}
	c.Logf("%s: the last of %d was answered after %s", what, len(all), last)
}

// Four thousand messages of one sender to a device: few of them wait, the others are
// refused at once, and a command to the device does not wait for them. It took 5 min 37 s
// when all waited in one queue.
func TestManySendsToOneDevice(t *testing.T) {
	c := newCrowd(t, 2)
	waiting, refused := 0, 0
	for range 4000 {
		o := c.send(c.query(1, node.ClassCommand, 1))
		switch {
		case !o.over:
			waiting++
		case errors.Is(o.err, node.ErrQueueFull):
			refused++
		default:
			t.Fatal(o.err)
		}
	}
	t.Logf("%d wait, %d were refused", waiting, refused)
	if waiting != 65 { // one is in flight
		t.Errorf("%d wait", waiting)
	}
	to, other := c.command(1), c.command(2)
	c.within(500*time.Millisecond, "commands behind 4,000 messages", to, other)
}

// Most devices have lost power. What is not known cannot be avoided: the first command to
// each takes its time on the radio. From then on the living ones answer at once, whatever
// is asked of the others, also after a restart.
func TestFewLiveAmongTheDead(t *testing.T) {
	const n, living = 150, 5
	c := newCrowd(t, n)
	for i := living + 1; i <= n; i++ {
		c.Stations[i].Sleep(true)
	}
	// all sends a command to each device in a mixed order.
	all := func(offline bool) (alive, dead []*outcome) {
		for k := range n {
			i := 1 + (k*31+7)%n
			if i <= living {
				alive = append(alive, c.command(i))
				continue
			}
			r := c.query(i, node.ClassCommand, 0)
			r.Offline = offline
			dead = append(dead, c.send(r))
		}
		return alive, dead
	}
	ended := func(what string, dead []*outcome) {
		at := c.Elapsed()
		run(t, c.World, 5*time.Minute, func() bool {
			for _, o := range dead {
				if !o.over {
					return false
				}
			}
			return true
		})
		t.Logf("%s: the last of the others failed %s later", what, c.Elapsed()-at)
	}
	const airtime = 60 * time.Millisecond
	alive, dead := all(false)
	c.within(n*airtime+500*time.Millisecond, "one command to each, nothing known", alive...)
	alive = alive[:0]
	for i := 1; i <= living; i++ {
		alive = append(alive, c.command(i))
	}
	c.within(500*time.Millisecond, "while the others are tried again", alive...)
	ended("nothing known", dead)
	alive, dead = all(false)
	c.within(500*time.Millisecond, "one command to each again", alive...)
	ended("again", dead)
	if err := c.Stations[0].Restart(); err != nil {
		t.Fatal(err)
	}
	alive, dead = all(true)
	c.within(500*time.Millisecond, "after a restart", alive...)
	ended("after a restart", dead)
}

// A thousand devices are asked for their state. Commands do not wait for that, neither to
// devices that were asked nor to those that were not. It took 52 s.
func TestCommandsDuringRefresh(t *testing.T) {
	const n = 1000
	c := newCrowd(t, n)
	for i := 1; i <= n; i++ {
		if o := c.send(c.query(i, node.ClassProbe, 0)); o.err != nil {
			t.Fatal(o.err)
		}
	}
	var all []*outcome
	for _, to := range []int{n, 500, 1, 20, 250} {
		all = append(all, c.command(to))
		pass(t, c.World, time.Second)
	}
	c.within(300*time.Millisecond, "commands while 1,000 devices are asked for their state", all...)
}

// A network is imported of which most devices have no power. All are interviewed at the
// same time; the living ones, thirty steps each, do not wait for the others.
func TestInterviewsAmongTheDead(t *testing.T) {
	const n, living, steps = 150, 5, 30
	c := newCrowd(t, n)
	for i := living + 1; i <= n; i++ {
		c.Stations[i].Sleep(true)
	}
	var first, last time.Duration
	interviewed := 0
	var interview func(i, step int)
	interview = func(i, step int) {
		if err := c.Stations[0].Request(c.query(i, node.ClassConfiguration, 0), func(d node.RequestDone) {
			switch {
			case d.Err != nil:
				if i <= living {
					t.Errorf("step %d of the living device %d: %v", step, i, d.Err)
				}
				return
			case step == 1:
				first = max(first, c.Elapsed())
			case step == steps:
				interviewed++
				last = max(last, c.Elapsed())
				return
			}
			interview(i, step+1)
		}); err != nil {
			t.Fatal(err)
		}
	}
	for k := range n {
		interview(1+(k*31+7)%n, 1)
	}
	run(t, c.World, time.Minute, func() bool { return interviewed == living || t.Failed() })
	t.Logf("the last first answer came after %s, the last interview of %d steps ended after %s", first, steps, last)
	if limit := 25 * time.Second; last > limit {
		t.Errorf("the interviews took %s, wanted %s", last, limit)
	}
}
