// Package parttest is a host for the test of one part of a node: it has the time, the
// state and the randomness that the test gives it, and keeps all that the part puts
// out. It checks nothing by itself.
//
//	h := parttest.New()
//	p := requests.New(h, sender, queue)
//	h.Pass(p, 10*time.Second)   // the part ticks when it wants to
//	if len(h.Reports) != 1 { ... }
package parttest

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Host is a part.Host that keeps what it is told. The zero value is not ready; New
// makes one.
type Host struct {
	Time  time.Time   // Now; a test moves it, or calls Pass
	Node  *state.Node // State
	Stock io.Reader   // Random; New sets one that always draws the same
	// Delay is what Jitter draws; nil for the lower limit.
	Delay func(low, high time.Duration) time.Duration
	// Changed is called by ConfigurationChanged; nil for nobody.
	Changed func()

	Reports   []part.Event
	Sent      []bearer.Outgoing
	Cancelled []bearer.Lane
	Actions   []part.GATTAction
	Persisted []store.Change
	Saves     []part.Part // that have asked for their Save, each time
	Edits     int
	Changes   int // of ConfigurationChanged
	Malformed int
	Unsent    []error

	awake []part.Flusher
}

var _ part.Host = (*Host)(nil)

// New makes a host for a node in a network: it has the address 0x0001 and network key
// 0. Its time is the start of the year 2026.
func New() *Host {
	n := &state.Node{Address: 1, DefaultTTL: 5}
	n.Subnets = []state.Subnet{{Key: [16]byte{1}}}
	return &Host{
		Time:  time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Node:  n,
		Stock: &count{},
	}
}

// count is a source of randomness that has none: octet after octet it counts up.
type count struct{ next byte }

// Read implements io.Reader.
func (c *count) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.next
		c.next++
	}
	return len(p), nil
}

// Now implements part.Host.
func (h *Host) Now() time.Time { return h.Time }

// Random implements part.Host.
func (h *Host) Random() io.Reader { return h.Stock }

// Jitter implements part.Host.
func (h *Host) Jitter(low, high time.Duration) time.Duration {
	if h.Delay != nil {
		return h.Delay(low, high)
	}
	return low
}

// State implements part.Host.
func (h *Host) State() *state.Node { return h.Node }

// Edit implements part.Host.
func (h *Host) Edit(change func(*state.Node)) {
	h.Edits++
	change(h.Node)
}

// ConfigurationChanged implements part.Host.
func (h *Host) ConfigurationChanged() {
	h.Changes++
	if h.Changed != nil {
		h.Changed()
	}
}

// Save implements part.Host.
func (h *Host) Save(p part.Part) { h.Saves = append(h.Saves, p) }

// Persist implements part.Host.
func (h *Host) Persist(c store.Change) { h.Persisted = append(h.Persisted, c) }

// Report implements part.Host.
func (h *Host) Report(e part.Event) { h.Reports = append(h.Reports, e) }

// Advertise implements part.Host.
func (h *Host) Advertise(kind bearer.Kind, lane bearer.Lane, how bearer.Transmit, pdu []byte) {
	h.Sent = append(h.Sent, bearer.NewOutgoing(kind, lane, how, pdu))
}

// Wake implements part.Host.
func (h *Host) Wake(f part.Flusher) {
	if !slices.Contains(h.awake, f) {
		h.awake = append(h.awake, f)
	}
}

// CancelLane implements part.Host.
func (h *Host) CancelLane(l bearer.Lane) { h.Cancelled = append(h.Cancelled, l) }

// Act implements part.Host.
func (h *Host) Act(a part.GATTAction) { h.Actions = append(h.Actions, a) }

// CountMalformed implements part.Host.
func (h *Host) CountMalformed() { h.Malformed++ }

// CountUnsent implements part.Host.
func (h *Host) CountUnsent(err error) { h.Unsent = append(h.Unsent, err) }

// maxTicks bounds the ticks of one moment: more are a deadline that stands still.
const maxTicks = 100

// Pass lets time pass: the part ticks whenever its deadline comes, and puts out what it
// has to say, as in a core. It panics when a deadline does not move by being served.
func (h *Host) Pass(p part.Part, d time.Duration) {
	for end, ticks := h.Time.Add(d), 0; ; {
		next := p.NextDeadline()
		if next.IsZero() || next.After(end) {
			h.Time = end
			return
		}
		if next.After(h.Time) {
			h.Time, ticks = next, 0
		}
		if ticks++; ticks > maxTicks {
			panic(fmt.Sprintf("parttest: the deadline %s of %T stands still", next, p))
		}
		p.Tick()
		h.Flush()
	}
}

// Flush is the end of an input: the parts that have asked for it put out what they have
// to say. It panics when there is no end of it.
func (h *Host) Flush() {
	for turns := 0; len(h.awake) > 0; turns++ {
		if turns > maxTicks {
			panic(fmt.Sprintf("parttest: %T always has more to say", h.awake[0]))
		}
		awake := h.awake
		h.awake = nil
		for _, f := range awake {
			f.Flush()
		}
	}
}

// Stored is what a part has saved: it calls Save, and gives what Load reads of it.
func Stored(p part.Part) (part.Stored, error) {
	values := map[string][]byte{}
	err := p.Save(func(key string, value []byte) { values[key] = value })
	return func(key string) []byte { return values[key] }, err
}
