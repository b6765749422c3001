package sim

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// tableRefresh is where a Refresher stores its key refresh.
const tableRefresh store.Table = "refresh"

// Point is a place between two steps of a Refresher.
type Point string

// The points, in order.
const (
	BeforePersist Point = "before it is stored"
	BeforeOwn     Point = "before the own node changes"
	BeforeSend    Point = "before the nodes are asked"
	AfterSend     Point = "after the nodes were asked"
)

// Refresher refreshes keys from a station, as the bridge does.
type Refresher struct {
	*refresh.Refresh
	// Crashes is called at every point; true makes the program crash there.
	Crashes func(Point) bool
	// Failed is the first error.
	Failed error

	station *Station
	life    int
}

// NewRefresher begins a key refresh.
func NewRefresher(s *Station, o refresh.Options) *Refresher {
	d := &Refresher{station: s, Refresh: refresh.New(s.world.Now(), o), Crashes: func(Point) bool { return false }}
	report := s.Report
	s.Report = func(e node.Event) {
		if m, ok := e.(node.MessageReceived); ok && d.Refresh != nil {
			d.Heard(s.world.Now(), UUID(int(m.Src)-1))
			s.world.After(0, d.Step)
		}
		if report != nil {
			report(e)
		}
	}
	return d
}

// die ends the program and starts it again with what was stored. It reports
// whether the program had not stored anything yet.
func (d *Refresher) die() {
	d.life++
	d.fail(d.station.Restart())
	data, err := d.station.Store.Get(tableRefresh, "current")
	if err != nil {
		d.Refresh = nil // it had not begun
		return
	}
	r, err := refresh.Decode(d.station.world.Now(), data)
	d.fail(err)
	d.Refresh = r
	d.station.world.After(time.Second, d.Step)
}

func (d *Refresher) fail(err error) {
	if d.Failed == nil && err != nil {
		d.Failed = err
	}
}

// Step does what is due and schedules the next step.
func (d *Refresher) Step() {
	if d.Refresh == nil || d.Failed != nil {
		return
	}
	w, life := d.station.world, d.life
	out, err := d.Refresh.Step(w.Now())
	d.fail(err)
	if d.Crashes(BeforePersist) {
		d.die()
		return
	}
	if out.Persist {
		data, err := d.Encode()
		d.fail(err)
		d.fail(d.station.Store.Apply(store.Change{Table: tableRefresh, Key: "current", Value: data}))
	}
	if d.Crashes(BeforeOwn) {
		d.die()
		return
	}
	if out.Own > 0 {
		d.station.Input(func(_ time.Time, c *node.Core) {
			net, apps := d.Keys()
			d.fail(configuration.Keys{Host: c}.Refresh(d.NetKey(), out.Own, net, apps).Err())
		})
	}
	if d.Crashes(BeforeSend) {
		d.die()
		return
	}
	for _, send := range out.Send {
		d.fail(d.station.Request(send.Request, func(done node.RequestDone) {
			if d.life == life {
				d.Answered(w.Now(), send.Node, done.Response, done.Err)
				d.Step()
			}
		}))
	}
	if len(out.Send) > 0 && d.Crashes(AfterSend) {
		d.die()
		return
	}
	next := d.NextDeadline()
	if next.IsZero() {
		return
	}
	w.After(max(next.Sub(w.Now()), time.Millisecond), func() {
		// The deadline may have moved meanwhile.
		if d.life == life && !d.NextDeadline().IsZero() && !d.NextDeadline().After(w.Now()) {
			d.Step()
		}
	})
}

// Others lists the stations from first to last as nodes of a refresh.
func Others(first, last int) []refresh.Node {
	var list []refresh.Node
	for number := first; number <= last; number++ {
		list = append(list, refresh.Node{UUID: UUID(number), Address: Address(number), Via: mesh.PrimaryNetKey})
	}
	return list
}
