// Package adapters tells what becomes of the Bluetooth adapters, and refuses what
// needs one while none works.
//
//	AdaptersChanged, Second ─▶ compare ─┬─▶ bridge/logging, bridge/event
//	                                    └─▶ bridge/info, bridge/health
//	scan, provision, set, ... ─▶ Down ─▶ error "no_adapter"
package adapters

import (
	"fmt"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
)

// Code is the code of the error of what needs an adapter while none works.
const Code = "no_adapter"

// repeatAfter is how often a warning about an adapter that still does not work
// is repeated.
const repeatAfter = 10 * time.Minute

// Part watches the adapters. Make it with New.
type Part struct {
	part.None
	h     *part.Host
	list  func() []document.Adapter
	known map[string]*known // by the name in the configuration
}

// known is what was last told about an adapter.
type known struct {
	document.Adapter
	condition condition
	warned    time.Time
}

// condition is what matters of the state of an adapter.
type condition uint8

const (
	working condition = iota
	unsteady
	down
)

func conditionOf(a *document.Adapter) condition {
	switch a.State {
	case document.AdapterUnsteady:
		return unsteady
	case document.AdapterDown, document.AdapterStopped:
		return down
	default: // while it is opened or reset it is about to work
		return working
	}
}

// New makes the part. list describes the adapters as they are now.
func New(h *part.Host, list func() []document.Adapter) *Part {
	return &Part{h: h, list: list, known: map[string]*known{}}
}

// Start implements part.Part.
func (p *Part) Start() { p.Check() }

// Second implements part.Part. An adapter can become steady without a change of
// its controller.
func (p *Part) Second(int) { p.Check() }

// Check compares the adapters with what was told about them, and tells what is
// new.
func (p *Part) Check() {
	for _, a := range p.list() {
		k := p.known[a.ID]
		if k == nil {
			k = &known{}
			p.known[a.ID] = k
		}
		before := k.condition
		if k.State != a.State || k.Error != a.Error || k.Resets != a.Resets {
			p.h.Publisher.Changed("health")
		}
		if k.State != a.State || k.Error != a.Error {
			p.h.Publisher.Changed("info")
		}
		k.Adapter, k.condition = a, conditionOf(&a)
		now := p.h.Loop.Now()
		if k.condition == before && (before == working || now.Sub(k.warned) < repeatAfter) {
			continue
		}
		p.tell(k)
		k.warned = now
		if k.condition != before {
			p.notify(k)
		}
	}
}

// tell writes the condition of an adapter to the log and to bridge/logging.
func (p *Part) tell(k *known) {
	switch k.condition {
	case down:
		p.h.Publisher.Warn("", "the adapter %s does not work; nothing is sent or received through it until it is back, which is tried all the time: %s", k.ID, k.Error)
	case unsteady:
		p.h.Publisher.Warn("", "the adapter %s is unsteady; provisioning and commands may fail: %s; if it goes on, use another adapter, another port or a powered hub", k.ID, k.Error)
	default:
		p.h.Log.Info().Str("adapter", k.ID).Msg("the adapter works again")
	}
}

func (p *Part) notify(k *known) {
	e := document.AdapterChanged{ID: k.ID, State: k.State, Error: fault.Clip(k.Error)}
	if k.condition == working {
		e.State, e.Error = "running", ""
	}
	p.h.Publisher.Notify(e)
}

// Down returns the error of what needs an adapter while none works, or nil.
func (p *Part) Down() error {
	all := p.list()
	if len(all) == 0 {
		return nil
	}
	for i := range all {
		if conditionOf(&all[i]) != down {
			return nil
		}
	}
	return fault.New(Code, "no adapter works, so nothing can be sent or received: %s", wrong(all))
}

// Explain adds to an error of something that needs an adapter that no adapter
// works as it should, if so. The error keeps its code, unless none works.
func (p *Part) Explain(err error) error {
	if err == nil || fault.Stopped(err) || fault.Code(err) == Code {
		return err
	}
	all := p.list()
	for i := range all {
		if conditionOf(&all[i]) == working {
			return err
		}
	}
	if none := p.Down(); none != nil {
		return fault.New(Code, "%w; %w", err, none)
	}
	if len(all) > 0 {
		return fmt.Errorf("%w; the reason may be the adapter: %s", err, wrong(all))
	}
	return err
}

func wrong(all []document.Adapter) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, fmt.Sprintf("%s is %s (%s)", a.ID, a.State, a.Error))
	}
	return strings.Join(texts, ", ")
}
