package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// host is the core as its parts see it: the time, the state, the output.
type host struct {
	random   io.Reader
	now      time.Time
	state    *state.Node
	edited   bool // the state is to be stored
	sequence sequence.Reserve
	output   part.Output
	unsaved  []part.Part    // that have asked for their Save
	awake    []part.Flusher // that have asked for their Flush
	flushing []part.Flusher // room for those whose turn it is
	derive   func()         // all parts act by the changed configuration
	counters part.Counters
}

var _ part.Host = (*host)(nil)

// Now implements part.Host.
func (h *host) Now() time.Time { return h.now }

// Random implements part.Host.
func (h *host) Random() io.Reader { return h.random }

// Jitter implements part.Host.
func (h *host) Jitter(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	var b [8]byte
	if _, err := io.ReadFull(h.random, b[:]); err != nil {
		return high
	}
	return low + time.Duration(binary.BigEndian.Uint64(b[:])>>1)%(high-low)
}

// State implements part.Host.
func (h *host) State() *state.Node { return h.state }

// Edit implements part.Host.
func (h *host) Edit(change func(*state.Node)) {
	change(h.state)
	h.edited = true
}

// ConfigurationChanged implements part.Host.
func (h *host) ConfigurationChanged() { h.derive() }

// Wake implements part.Host.
func (h *host) Wake(f part.Flusher) {
	if !slices.Contains(h.awake, f) {
		h.awake = append(h.awake, f)
	}
}

// flush calls the parts that have asked for it, and reports whether there were any.
func (h *host) flush() bool {
	if len(h.awake) == 0 {
		return false
	}
	h.awake, h.flushing = h.flushing[:0], h.awake
	for i, f := range h.flushing {
		f.Flush()
		h.flushing[i] = nil
	}
	return true
}

// Save implements part.Host.
func (h *host) Save(p part.Part) {
	if !slices.Contains(h.unsaved, p) {
		h.unsaved = append(h.unsaved, p)
	}
}

// Persist implements part.Host.
func (h *host) Persist(c store.Change) { h.output.Persist = append(h.output.Persist, c) }

// Report implements part.Host.
func (h *host) Report(e part.Event) { h.output.Report = append(h.output.Report, e) }

// Advertise implements part.Host. It panics on a PDU that is too long, for that is
// a mistake of the caller and no input's.
func (h *host) Advertise(kind bearer.Kind, lane bearer.Lane, how bearer.Transmit, pdu []byte) {
	h.output.Send = append(h.output.Send, bearer.Outgoing{Kind: kind, Lane: lane, Transmit: how, Len: uint8(len(pdu))})
	out := &h.output.Send[len(h.output.Send)-1]
	copy(out.Data[:len(pdu)], pdu)
}

// CancelLane implements part.Host.
func (h *host) CancelLane(l bearer.Lane) { h.output.Cancel = append(h.output.Cancel, l) }

// Act implements part.Host.
func (h *host) Act(a part.GATTAction) { h.output.GATT = append(h.output.GATT, a) }

// CountMalformed implements part.Host.
func (h *host) CountMalformed() { h.counters.Malformed++ }

// CountUnsent implements part.Host.
func (h *host) CountUnsent(err error) {
	if errors.Is(err, sequence.ErrSpent) {
		h.counters.NoSequence++
		return
	}
	h.counters.Unsent++
}

// put saves a value of a part.
func (h *host) put(key string, value []byte) {
	h.Persist(store.Change{Table: TableNode, Key: key, Value: value})
}

// save puts into the output what the store has to keep of this input.
func (h *host) save() {
	for i, p := range h.unsaved {
		if err := p.Save(h.put); err != nil {
			h.Report(part.Faulted{Err: fmt.Errorf("node: a part of the node cannot be stored: %w", err)})
		}
		h.unsaved[i] = nil
	}
	h.unsaved = h.unsaved[:0]
	if h.edited {
		h.edited = false
		if data, err := h.state.Encode(); err == nil {
			h.put(keyState, data)
		} else {
			h.Report(part.Faulted{Err: fmt.Errorf("node: the state of the node cannot be stored and is lost with the next restart: %w", err)})
		}
	}
	if data, changed := h.sequence.Unsaved(); changed {
		h.put(keySequence, data)
	}
}
