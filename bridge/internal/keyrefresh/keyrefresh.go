// Package keyrefresh is the Key Refresh procedure (Mesh Protocol 1.1.1, section
// 3.11.4), one subnet after the other. The procedure itself is mesh/refresh; this
// part stores it, sends what it wants sent and tells how far it is.
//
//	network/key_refresh ─┐
//	removed device ──────┴▶ queue ─▶ refresh.Refresh ─▶ Config NetKey Update, ...
//	                                     │      ▲
//	                          store ◀────┘      └── answers of the nodes
//
// Every step is stored before it is carried out, so that the procedure goes on
// after a restart.
package keyrefresh

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// table stores what is continued after a restart.
const table store.Table = "refresh"

const (
	keyCurrent = "current" // the procedure that runs
	keyQueue   = "queue"   // those that wait for it
)

// beginAgainAfter is the time after which a refresh that could not be stored is begun
// again.
const beginAgainAfter = 30 * time.Second

// Part runs one Key Refresh procedure at a time. Make it with New.
type Part struct {
	part.None
	h        *part.Host
	patience time.Duration
	current  *refresh.Refresh // nil: none runs
	queue    []job
	busy     bool          // the store or the own node is asked; nothing else may begin
	unsaved  bool          // the store did not take the last state
	again    time.Time     // nothing is begun before; the store did not take the last one
	started  bool          // the devices are known
	notified refresh.Phase // the last phase that an event was published for
}

var _ part.Informer = (*Part)(nil)

// job is a key refresh that waits.
type job struct {
	NetKey  mesh.KeyIndex `json:"net_key"`
	Exclude []mesh.UUID   `json:"exclude,omitempty"`
}

// New makes the part. patience is how long a refresh waits for nodes that do not
// answer; 0 until a request ends the wait.
func New(h *part.Host, patience time.Duration) *Part { return &Part{h: h, patience: patience} }

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(refreshMeta(), p.request)}
}

// Load implements part.Part.
func (p *Part) Load() error {
	if err := p.h.Writer.Get(table, keyQueue, &p.queue); err != nil {
		return err
	}
	var data json.RawMessage
	if err := p.h.Writer.Get(table, keyCurrent, &data); err != nil || data == nil {
		return err
	}
	var err error
	if p.current, err = refresh.Decode(p.h.Loop.Now(), data); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	p.current.Patience = p.patience
	return nil
}

// commit stores the current state. done is called once it is on disk.
func (p *Part) commit(done func(err error)) {
	current := store.Change{Table: table, Key: keyCurrent}
	var err error
	if p.current != nil {
		current.Value, err = p.current.Encode()
	}
	var queue []byte
	if err == nil {
		queue, err = json.Marshal(p.queue)
	}
	if err != nil {
		p.h.Loop.Post(func() { done(err) })
		return
	}
	p.h.Writer.Commit(func(err error) {
		done(err)
		p.unsaved = err != nil
	}, current, store.Change{Table: table, Key: keyQueue, Value: queue})
}

// commitOrWarn stores the current state, and tries again until the store takes it.
func (p *Part) commitOrWarn(what string) {
	p.commit(func(err error) {
		if err != nil && !p.unsaved {
			p.h.Publisher.Warn("", "%s could not be stored, which is tried again: %v", what, err)
		}
	})
}

// Start implements part.Part: it continues what was under way.
func (p *Part) Start() {
	p.started = true
	// A device may have joined in the last moment.
	for _, d := range p.h.Devices.Sorted() {
		if !d.Record.LeftBehind {
			p.Include(d)
		}
	}
	p.step()
	p.next(nil)
}

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	if e, ok := e.(node.KeyRefreshChanged); ok {
		p.changed(e)
	}
}

// changed publishes a refresh by another provisioner; notify publishes our own.
func (p *Part) changed(e node.KeyRefreshChanged) {
	p.h.Own.Refresh()
	if p.Refreshes(e.NetKey) {
		return
	}
	phase := refresh.Done
	if e.Phase != state.NormalOperation {
		phase = refresh.Phase(e.Phase)
	}
	p.h.Log.Info().Uint16("net_key", uint16(e.NetKey)).Stringer("phase", phase).Msg("another provisioner refreshes the keys of the network")
	p.h.Publisher.Notify(document.KeyRefreshPhase{NetKey: e.NetKey, Phase: phase.String()})
}

// Message implements part.Part: a device that was silent is tried again.
func (p *Part) Message(m *part.Message) bool {
	if p.current != nil {
		p.current.Heard(p.h.Loop.Now(), m.Element.Record.UUID)
		p.stepIfDue()
	}
	return false
}

// Second implements part.Part.
func (p *Part) Second(int) {
	if !p.started {
		return
	}
	if p.unsaved {
		// Package removal stores its side in the same second, so that the two change
		// together.
		p.commitOrWarn("a key refresh")
	}
	p.stepIfDue()
	p.next(nil)
}

// Added implements part.Part: a node that was provisioned again starts anew.
func (p *Part) Added(d, _ *registry.Device) {
	if p.current != nil {
		p.current.Forget(d.Record.UUID)
	}
}

// Removed implements part.Part.
func (p *Part) Removed(d *registry.Device, replaced bool) {
	if p.current != nil && !replaced {
		p.current.Exclude(d.Record.UUID)
	}
}

// Refreshes reports whether the keys of a subnet are being refreshed.
func (p *Part) Refreshes(index mesh.KeyIndex) bool {
	return p.current != nil && p.current.NetKey() == index
}

// CheckIdle is an error while keys of the network are being refreshed.
func (p *Part) CheckIdle() error {
	if p.current != nil || p.busy {
		return fault.New("busy", "the keys of the network are being refreshed; try again when that is done")
	}
	return nil
}

// Include adds a device that has just joined to the refresh.
func (p *Part) Include(d *registry.Device) {
	if p.current != nil && p.h.Devices.Has(d) && d.Record.HasNetKey(p.current.NetKey()) {
		p.current.Include(participant(d))
	}
}

func participant(d *registry.Device) refresh.Node {
	return refresh.Node{UUID: d.Record.UUID, Address: d.Record.Address, Via: d.Record.NetKey}
}

// Info implements part.Informer.
func (p *Part) Info(i *document.Info) { i.Network.KeyRefresh = p.status() }

// status describes the refresh that runs; nil for none.
func (p *Part) status() *document.KeyRefresh {
	if p.current == nil {
		return nil
	}
	status := p.current.Status()
	info := &document.KeyRefresh{
		NetKey: status.NetKey, Phase: status.Phase.String(), Through: len(status.Completed),
		Missing: []string{}, LeftBehind: []string{}, Excluded: len(status.Excluded),
		Waited: int(status.Waited / time.Second), Queued: len(p.queue),
	}
	name := func(uuid mesh.UUID) string {
		if d := p.h.Devices.ByUUID(uuid); d != nil {
			return d.Record.Name
		}
		return uuid.String()
	}
	for uuid := range status.Missing {
		info.Missing = append(info.Missing, name(uuid))
	}
	for _, uuid := range status.LeftBehind {
		info.LeftBehind = append(info.LeftBehind, name(uuid))
	}
	slices.Sort(info.Missing)
	slices.Sort(info.LeftBehind)
	return info
}
