package refresh

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Phase is the phase of a refresh. The first three are those of the
// specification.
type Phase uint8

// The phases.
const (
	Distribute Phase = 1
	Switch     Phase = 2
	Revoke     Phase = 3
	Done       Phase = 4
)

// String names the phase.
func (p Phase) String() string {
	switch p {
	case Distribute:
		return "distributing"
	case Switch:
		return "switching"
	case Revoke:
		return "revoking"
	case Done:
		return "done"
	default:
		return fmt.Sprintf("phase %d", uint8(p))
	}
}

// Progress is the last step that a node has confirmed.
type Progress uint8

// The steps of a node.
const (
	Nothing   Progress = iota
	GotKey             // it has the new NetKey, and maybe some of the AppKeys
	GotKeys            // phase 1
	Switched           // phase 2
	Completed          // phase 3, or it is not in the subnet
)

// goal is what a node must have reached at the end of a phase.
func (p Phase) goal() Progress {
	switch p {
	case Distribute:
		return GotKeys
	case Switch:
		return Switched
	default:
		return Completed
	}
}

// AppKey is an application key with its new value.
type AppKey struct {
	Index mesh.KeyIndex
	Key   crypto.Key
}

// Node is a node that should get the new keys.
type Node struct {
	UUID    mesh.UUID
	Address mesh.Address  // of its primary element
	Via     mesh.KeyIndex // NetKey to send to it with
	// Progress and the following fields are set by the Refresh.
	Progress   Progress
	Apps       int  // AppKeys that it has received
	LeftBehind bool // it has no new keys and is no longer waited for

	busy    bool
	awake   bool // it was heard since the last request
	tries   int  // unsuccessful attempts in this phase
	next    time.Time
	failed  time.Time // time of the last failure
	problem string    // why the last attempt failed
	older   older     // earlier refresh whose end the node has missed
}

// older is what is known about an earlier refresh that a node is still in.
type older uint8

const (
	unknown older = iota
	running       // it cannot accept a new key before the end of that refresh
	ended
)

// Options says what to refresh.
type Options struct {
	NetKey  mesh.KeyIndex
	Key     crypto.Key // the new NetKey
	AppKeys []AppKey   // the new AppKeys; unchanged ones may be left out
	Nodes   []Node
	// Excluded are the nodes that do not get the keys.
	Excluded []mesh.UUID
}

// Refresh is one key refresh. It belongs to one goroutine.
type Refresh struct {
	netKey   mesh.KeyIndex
	key      crypto.Key
	apps     []AppKey
	phase    Phase
	nodes    []*Node
	excluded []mesh.UUID
	late     []mesh.UUID   // excluded later: they may have the new keys
	waited   time.Duration // in this phase, while the program was running
	finish   bool          // in this phase nodes that do not answer are not waited for

	// Patience is how long a phase waits for nodes that do not answer once
	// others have completed it; 0 for no limit. Only time in which the program
	// runs counts, without that before a Pause.
	Patience time.Duration

	last    time.Time // waited is counted up to here
	saved   time.Duration
	changed bool // since the last Persist
	ownDone bool // the own node is in the phase
}

// New begins a refresh. Nothing is done before the first Step.
func New(now time.Time, o Options) *Refresh {
	r := &Refresh{
		netKey: o.NetKey, key: o.Key, apps: o.AppKeys, phase: Distribute, excluded: o.Excluded,
		last: now, changed: true,
	}
	for _, n := range o.Nodes {
		r.Include(n)
	}
	return r
}

// NetKey returns the index of the NetKey.
func (r *Refresh) NetKey() mesh.KeyIndex { return r.netKey }

// Phase returns the current phase.
func (r *Refresh) Phase() Phase { return r.phase }

// Excluded returns the nodes that do not get the keys.
func (r *Refresh) Excluded() []mesh.UUID { return r.excluded }

// Keys returns the new keys, for the own node.
func (r *Refresh) Keys() (net crypto.Key, apps map[mesh.KeyIndex]crypto.Key) {
	apps = make(map[mesh.KeyIndex]crypto.Key, len(r.apps))
	for _, a := range r.apps {
		apps[a.Index] = a.Key
	}
	return r.key, apps
}

// Include adds a node that has joined the network during the refresh and was
// given the keys that are in use at that time. A known or excluded node is left
// unchanged.
func (r *Refresh) Include(n Node) {
	if r.node(n.UUID) != nil || slices.Contains(r.excluded, n.UUID) {
		return
	}
	n.Progress, n.Apps, n.LeftBehind = Nothing, 0, false
	if r.phase != Distribute {
		n.Progress = r.phase.goal()
	}
	r.nodes = append(r.nodes, &n)
	r.changed = true
}

// Exclude leaves a node out from now on. It returns false if the node may
// already have the new keys: then only another refresh excludes it.
func (r *Refresh) Exclude(uuid mesh.UUID) bool {
	n := r.node(uuid)
	r.nodes = slices.DeleteFunc(r.nodes, func(other *Node) bool { return other == n })
	if n != nil && !n.LeftBehind && (n.Progress > Nothing || n.busy || r.phase != Distribute) {
		r.late = append(r.late, uuid)
	}
	if !slices.Contains(r.excluded, uuid) {
		r.excluded = append(r.excluded, uuid)
	}
	r.changed = true
	return !slices.Contains(r.late, uuid)
}

// Forget removes what is known of a node that has been provisioned again. It
// may then be included again.
func (r *Refresh) Forget(uuid mesh.UUID) {
	is := func(u mesh.UUID) bool { return u == uuid }
	r.nodes = slices.DeleteFunc(r.nodes, func(n *Node) bool { return n.UUID == uuid })
	r.excluded, r.late = slices.DeleteFunc(r.excluded, is), slices.DeleteFunc(r.late, is)
	r.changed = true
}

// Undo reverts an Output that was not carried out.
func (r *Refresh) Undo(out Output) {
	r.changed = true
	r.ownDone = r.ownDone && out.Own == 0
	for _, s := range out.Send {
		if n := r.node(s.Node); n != nil {
			n.busy = false
		}
	}
}

// Finish ends the waiting in the current phase: nodes that have not answered
// twice are not waited for.
func (r *Refresh) Finish() {
	r.finish = true
	r.changed = true
}

func (r *Refresh) node(uuid mesh.UUID) *Node {
	for _, n := range r.nodes {
		if n.UUID == uuid {
			return n
		}
	}
	return nil
}

// Status is the progress of all nodes.
type Status struct {
	NetKey     mesh.KeyIndex
	Phase      Phase
	Completed  []mesh.UUID          // they have completed the phase
	Missing    map[mesh.UUID]string // the phase waits for them; the reason, if known
	LeftBehind []mesh.UUID          // without the new keys
	Excluded   []mesh.UUID
	Waited     time.Duration // in this phase
}

// Status returns the progress of all nodes. When the refresh is done, Missing
// lists the nodes that have the keys and did not confirm the end.
func (r *Refresh) Status() Status {
	s := Status{NetKey: r.netKey, Phase: r.phase, Excluded: r.excluded, Waited: r.waited, Missing: map[mesh.UUID]string{}}
	for _, n := range r.nodes {
		switch {
		case n.LeftBehind:
			s.LeftBehind = append(s.LeftBehind, n.UUID)
		case n.Progress >= r.phase.goal():
			s.Completed = append(s.Completed, n.UUID)
		default:
			s.Missing[n.UUID] = n.problem
		}
	}
	return s
}

const version = 1

type storedAppKey struct {
	Index mesh.KeyIndex
	Key   state.StoredKey
}

type stored struct {
	Version  int
	NetKey   mesh.KeyIndex
	Key      state.StoredKey
	AppKeys  []storedAppKey
	Phase    Phase
	Nodes    []*Node
	Excluded []mesh.UUID
	Late     []mesh.UUID
	Waited   time.Duration
	Finish   bool
}

// Encode returns the stored form: JSON that contains the keys.
func (r *Refresh) Encode() ([]byte, error) {
	s := stored{
		Version: version, NetKey: r.netKey, Key: state.StoredKey(r.key), Phase: r.phase,
		Nodes: r.nodes, Excluded: r.excluded, Late: r.late, Waited: r.waited, Finish: r.finish,
	}
	for _, a := range r.apps {
		s.AppKeys = append(s.AppKeys, storedAppKey{a.Index, state.StoredKey(a.Key)})
	}
	return json.Marshal(s)
}

// Decode restores a stored refresh.
func Decode(now time.Time, data []byte) (*Refresh, error) {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("refresh: expected a valid stored key refresh: %w", err)
	}
	if s.Version != version {
		return nil, fmt.Errorf("refresh: a stored key refresh has version %d, this program reads %d", s.Version, version)
	}
	if s.Phase < Distribute || s.Phase > Done {
		return nil, fmt.Errorf("refresh: a stored key refresh is in phase %d, expected 1 to 4", uint8(s.Phase))
	}
	r := &Refresh{
		netKey: s.NetKey, key: crypto.Key(s.Key), phase: s.Phase, excluded: s.Excluded, late: s.Late,
		waited: s.Waited, saved: s.Waited, finish: s.Finish, last: now,
	}
	for _, a := range s.AppKeys {
		r.apps = append(r.apps, AppKey{a.Index, crypto.Key(a.Key)})
	}
	for _, n := range s.Nodes {
		if n == nil || !n.Address.IsUnicast() || n.Progress > Completed || n.Apps < 0 || n.Apps > len(r.apps) {
			return nil, fmt.Errorf("refresh: a stored key refresh has an invalid node: %+v", n)
		}
		r.nodes = append(r.nodes, n)
	}
	return r, nil
}
