package refresh

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

const (
	parallel     = 8 // nodes that are asked at the same time
	saveWaited   = time.Hour
	enoughTries  = 2 // in a phase, for a node that is not waited for
	firstPause   = 30 * time.Second
	longestPause = 10 * time.Minute
	// A node that is heard is awake, but not every message is a reason to try.
	heardPause = 5 * time.Second
)

// Output is what the caller has to do, in the order of the fields.
type Output struct {
	// Persist says that the refresh has changed and must be stored first.
	Persist bool
	// Own, if not 0, is the phase, 1 to 3, that the own node has to enter
	// (configuration.Keys.Refresh).
	Own  uint8
	Send []Send
}

// Send is a request to a node. Its result has to be passed to Answered.
type Send struct {
	Node    mesh.UUID
	Request node.Request
}

// Step does what can be done now.
func (r *Refresh) Step(now time.Time) (Output, error) {
	r.count(now)
	for r.phase != Done && r.phaseOver() {
		r.enter(r.phase + 1)
	}
	var out Output
	if !r.ownDone {
		r.ownDone = true
		out.Own = uint8(min(r.phase, Revoke))
	}
	active := 0
	for _, n := range r.nodes {
		if n.busy {
			active++
		}
	}
	for _, n := range r.nodes {
		if active >= parallel || r.phase == Done {
			break
		}
		if n.busy || r.isOver(n) || n.next.After(now) {
			continue
		}
		request, err := r.request(n)
		if err != nil {
			return Output{}, err
		}
		n.busy, n.awake = true, false
		active++
		out.Send = append(out.Send, Send{Node: n.UUID, Request: request})
	}
	out.Persist, r.changed = r.changed, false
	return out, nil
}

// NextDeadline is when Step has to be called; zero for never.
func (r *Refresh) NextDeadline() time.Time {
	if r.changed || !r.ownDone {
		return r.last
	}
	if r.phase == Done {
		return time.Time{}
	}
	next := r.last.Add(saveWaited)
	active := 0
	for _, n := range r.nodes {
		if n.busy {
			active++
		}
	}
	if r.Patience > 0 && r.waited < r.Patience {
		if at := r.last.Add(r.Patience - r.waited); at.Before(next) {
			next = at
		}
	}
	for _, n := range r.nodes {
		if active < parallel && !n.busy && !r.isOver(n) && n.next.Before(next) {
			next = n.next
		}
	}
	if next.Before(r.last) {
		return r.last // at once
	}
	return next
}

// Heard reports that a message from a node was received.
func (r *Refresh) Heard(now time.Time, uuid mesh.UUID) {
	n := r.node(uuid)
	switch {
	case n == nil:
	case n.busy:
		n.awake = true
	case n.next.After(now) && now.Sub(n.failed) >= heardPause:
		n.next = now
	}
}

// Pause skips the time up to now: nothing could be sent, so it does not count for the
// nodes that have not answered.
func (r *Refresh) Pause(now time.Time) { r.last = now }

// count adds the elapsed time.
func (r *Refresh) count(now time.Time) {
	if passed := now.Sub(r.last); passed > 0 {
		r.waited += passed
	}
	r.last = now
	if r.waited-r.saved >= saveWaited {
		r.saved = r.waited
		r.changed = true
	}
}

// enter begins a phase.
func (r *Refresh) enter(p Phase) {
	for _, n := range r.nodes {
		if r.phase == Distribute && n.Progress < GotKeys {
			n.LeftBehind = true
		}
		n.tries, n.next = 0, time.Time{}
	}
	r.phase = p
	r.waited, r.saved, r.finish = 0, 0, false
	r.changed = true
	r.ownDone = false
}

// isOver reports whether a node has completed the phase.
func (r *Refresh) isOver(n *Node) bool { return n.LeftBehind || n.Progress >= r.phase.goal() }

// phaseOver reports whether the phase can end. Patience alone ends it only if
// some node has completed it: if nobody answers, the cause is not the nodes.
func (r *Refresh) phaseOver() bool {
	through, missing := 0, 0
	waits := false
	for _, n := range r.nodes {
		switch {
		case n.LeftBehind:
		case r.isOver(n):
			through++
		default:
			missing++
			waits = waits || n.busy || n.tries < enoughTries
		}
	}
	if missing == 0 {
		return true
	}
	enough := r.finish || r.Patience > 0 && r.waited >= r.Patience && through > 0
	return enough && !waits
}

// request returns the next message for a node.
func (r *Refresh) request(n *Node) (node.Request, error) {
	switch {
	case r.phase == Distribute && n.older == running:
		return r.ask(n, &configuration.KeyRefreshPhaseSet{NetKeyIndex: r.netKey, Transition: uint8(Revoke)},
			configuration.OpKeyRefreshPhaseStatus, r.isPhase)
	case r.phase == Distribute && n.Progress == Nothing:
		m := &configuration.NetKeyUpdate{NetKeyIndex: r.netKey, NetKey: r.key}
		return r.ask(n, m, configuration.OpNetKeyStatus, func(p []byte) bool {
			var s configuration.NetKeyStatus
			return access.Decode(p, &s) == nil && s.NetKeyIndex == r.netKey
		})
	case r.phase == Distribute:
		app := r.apps[n.Apps]
		m := &configuration.AppKeyUpdate{NetKeyIndex: r.netKey, AppKeyIndex: app.Index, AppKey: app.Key}
		return r.ask(n, m, configuration.OpAppKeyStatus, func(p []byte) bool {
			var s configuration.AppKeyStatus
			return access.Decode(p, &s) == nil && s.NetKeyIndex == r.netKey && s.AppKeyIndex == app.Index
		})
	default:
		return r.ask(n, &configuration.KeyRefreshPhaseSet{NetKeyIndex: r.netKey, Transition: uint8(r.phase)},
			configuration.OpKeyRefreshPhaseStatus, r.isPhase)
	}
}

func (r *Refresh) isPhase(params []byte) bool {
	var s configuration.KeyRefreshPhaseStatus
	return access.Decode(params, &s) == nil && s.NetKeyIndex == r.netKey
}

// ask makes a request from a message and a function that recognises its answer.
func (r *Refresh) ask(n *Node, m access.Message, respond mesh.Opcode, accept func([]byte) bool) (node.Request, error) {
	payload, err := access.Append(nil, m)
	if err != nil {
		return node.Request{}, fmt.Errorf("refresh: building a message for %s: %w", n.Address, err)
	}
	return node.Request{
		Dst: n.Address, NetKey: n.Via, Key: transport.Key{Device: n.Address}, TTL: mesh.DefaultTTL,
		Payload: payload, Respond: respond, Accept: accept,
	}, nil
}

// Answered takes the result of a Send.
func (r *Refresh) Answered(now time.Time, uuid mesh.UUID, response node.Response, failed error) {
	n := r.node(uuid)
	if n == nil || !n.busy {
		return // it was excluded meanwhile
	}
	n.busy = false
	if failed == nil {
		n.awake = false // hearing the node does not change a refusal
		failed = r.take(n, response)
	}
	if failed == nil {
		n.tries, n.next, n.problem = 0, time.Time{}, ""
		r.changed = true
		return
	}
	n.problem = failed.Error()
	n.failed = now
	n.next = now.Add(min(firstPause<<min(n.tries, 10), longestPause))
	if n.awake {
		n.next = now.Add(heardPause)
	}
	n.tries++
}

// take updates a node's progress by its answer.
func (r *Refresh) take(n *Node, response node.Response) error {
	switch response.Opcode {
	case configuration.OpNetKeyStatus:
		var s configuration.NetKeyStatus
		if err := access.Decode(response.Params, &s); err != nil {
			return err
		}
		return r.gotNetKey(n, s.Status)
	case configuration.OpAppKeyStatus:
		var s configuration.AppKeyStatus
		if err := access.Decode(response.Params, &s); err != nil {
			return err
		}
		return r.gotAppKey(n, s.Status)
	default:
		var s configuration.KeyRefreshPhaseStatus
		if err := access.Decode(response.Params, &s); err != nil {
			return err
		}
		return r.gotPhase(n, &s)
	}
}

func (r *Refresh) gotNetKey(n *Node, s foundation.Status) error {
	switch {
	case s == foundation.Success:
		n.Progress = GotKey
		r.gotKeys(n)
		return nil
	case s == foundation.InvalidNetKeyIndex:
		n.Progress = Completed // it is not in the subnet
		return nil
	case s == foundation.CannotUpdate && n.older == unknown:
		n.older = running
		return nil
	default:
		return s.Err()
	}
}

func (r *Refresh) gotAppKey(n *Node, s foundation.Status) error {
	switch s {
	case foundation.Success, foundation.InvalidAppKeyIndex, foundation.InvalidBinding, foundation.InvalidNetKeyIndex:
		n.Apps++ // or it does not have this AppKey
		r.gotKeys(n)
		return nil
	default:
		return s.Err()
	}
}

func (r *Refresh) gotKeys(n *Node) {
	if n.Apps >= len(r.apps) {
		n.Progress = GotKeys
	}
}

// gotPhase takes the phase that a node reports. A node that answers a request
// with the new keys has them; in normal operation it has completed the refresh.
func (r *Refresh) gotPhase(n *Node, s *configuration.KeyRefreshPhaseStatus) error {
	switch {
	case r.phase == Distribute:
		n.older = ended
		return s.Status.Err()
	case s.Status == foundation.InvalidNetKeyIndex, s.Phase == state.NormalOperation:
		n.Progress = Completed
		return nil
	case r.phase == Switch && s.Phase == state.SecondPhase:
		n.Progress = Switched
		return nil
	case s.Status != foundation.Success:
		return s.Status.Err()
	default:
		return fmt.Errorf("refresh: expected the node to change its phase, it stays in phase %d", s.Phase)
	}
}
