package firmware

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// round carries out a distribution: it sends what the receivers' updaters want
// to send, and repeats it until it is answered. A model is only informed of
// answers, not of what has left the radio, so chunks are sent at a fixed pace.
type round struct {
	order     DistributionStart
	receivers []Receiver
	updaters  []*Updater
	convoy    *blob.MulticastTransfer
	members   []int // receivers in the convoy, by their number in it
	pending   []*pendingMessage
	radio     time.Time // when it is free for the next chunk
	due       time.Time
	halted    bool
	restored  []ReceiverEntry // from before a restart
}

// pendingMessage is a message being sent, and the updaters that wait for its result.
type pendingMessage struct {
	blob.Ask
	dst   mesh.Address
	at    time.Time // when to send it, repeat it, or give it up
	pause time.Duration
	tries int
	done  func(now time.Time, m access.Message, failed error)
}

const (
	// A request is repeated every answerInterval, up to maxTries times.
	answerInterval = 4 * time.Second
	maxTries       = 10
	// A chunk takes some time for each of its segments; to a group they are
	// sent several times.
	segmentPace      = 80 * time.Millisecond
	groupSegmentPace = 200 * time.Millisecond
)

var errNoAnswer = errors.New("no answer")

// forget ends the round without informing anybody.
func (r *round) forget() { *r = round{} }

// begin makes the updaters. Those of a suspended round stay if they are done.
func (r *round) begin(now time.Time, order DistributionStart, image *stored, receivers []Receiver) {
	before := r.updaters
	*r = round{order: order, receivers: slices.Clone(receivers), due: now}
	shared := order.MulticastAddress != mesh.Unassigned && order.Mode == blob.Push && len(receivers) > 1
	for i, receiver := range receivers {
		if i < len(before) && before[i].Done() {
			r.updaters = append(r.updaters, before[i])
			continue
		}
		r.updaters = append(r.updaters, NewUpdater(Update{
			Object:   blob.Object{ID: image.blob, Data: bytes.NewReader(image.data), Size: uint32(len(image.data))},
			Metadata: image.metadata, Firmware: image.id, ImageIndex: receiver.ImageIndex,
			Mode: order.Mode, TimeoutBase: order.TimeoutBase, Shared: shared, Hold: true,
		}))
	}
}

// halt stops sending.
func (r *round) halt() { r.pending, r.convoy, r.due, r.halted = nil, nil, time.Time{}, true }

// cancel makes the nodes cancel the update.
func (r *round) cancel(now time.Time) {
	r.halt()
	for _, u := range r.updaters {
		u.Cancel()
		u.Answer(now, nil, errNoAnswer) // the pending answer will not be used
	}
	r.due, r.halted = now, false
}

// apply makes the nodes apply what they have verified.
func (r *round) apply(now time.Time) {
	for _, u := range r.updaters {
		u.Apply()
	}
	r.due = now
}

func (r *round) entry(number int, receiver Receiver) ReceiverEntry {
	if number < len(r.updaters) {
		return r.updaters[number].Entry(receiver)
	}
	if number < len(r.restored) {
		return r.restored[number]
	}
	return ReceiverEntry{Address: receiver.Address, ImageIndex: receiver.ImageIndex}
}

// work sends what is due, and reports whether there may be more to do at once.
func (r *round) work(now time.Time, send func(access.Recipient, access.Message)) bool {
	if r.halted {
		r.due = time.Time{}
		return false
	}
	moved := r.run(now, send)
	for i, u := range r.updaters {
		if ask, ok := u.Next(now); ok {
			r.dispatch(now, ask, r.receivers[i].Address, u.Answer)
			moved = true
		}
	}
	r.join()
	if r.convoy != nil {
		for _, shared := range r.convoy.Next(now) {
			r.share(now, shared)
			moved = true
		}
	}
	r.plan(now)
	return moved
}

// run runs the errands that are due.
func (r *round) run(now time.Time, send func(access.Recipient, access.Message)) bool {
	var ended []*pendingMessage
	r.pending = slices.DeleteFunc(r.pending, func(e *pendingMessage) bool {
		most := maxTries
		if e.Respond == 0 {
			most = 1
		}
		switch {
		case now.Before(e.at):
			return false
		case e.tries == most:
			ended = append(ended, e)
			return true
		}
		e.tries++
		e.at = now.Add(e.pause)
		send(access.Recipient{Dst: e.dst, AppKey: r.order.AppKeyIndex, TTL: r.order.TTL}, e.Message)
		return false
	})
	for _, e := range ended {
		if e.Respond == 0 {
			e.done(now, nil, nil)
		} else {
			e.done(now, nil, errNoAnswer)
		}
	}
	return len(ended) > 0
}

// dispatch makes an errand: a question at once, a chunk when the radio is free.
func (r *round) dispatch(now time.Time, ask blob.Ask, dst mesh.Address, done func(time.Time, access.Message, error)) {
	e := &pendingMessage{Ask: ask, dst: dst, at: now, pause: answerInterval, done: done}
	if chunk, ok := ask.Message.(*blob.ChunkTransfer); ok {
		const overhead, segment = 7, 12 // octets: opcode, number and MIC; per segment
		segments := time.Duration(len(chunk.ChunkData)+overhead+segment-1) / segment
		e.pause = segments * segmentPace
		if !dst.IsUnicast() {
			e.pause = segments * groupSegmentPace
		}
		if r.radio.After(now) {
			e.at = r.radio
		}
		r.radio = e.at.Add(e.pause)
	}
	r.pending = append(r.pending, e)
}

// join makes the convoy when all nodes have reached the transfer, or will not.
func (r *round) join() {
	if r.convoy != nil || len(r.members) > 0 {
		return
	}
	var clients []*blob.Client
	var members []int
	for i, u := range r.updaters {
		if !u.update.Shared || u.Stage() == StageChecking {
			return
		}
		if c := u.Client(); c != nil {
			clients, members = append(clients, c), append(members, i)
		}
	}
	if len(clients) > 0 {
		r.convoy, r.members = blob.NewMulticastTransfer(clients...), members
	}
}

// share sends messages for one node to it, and messages for several to the
// group.
func (r *round) share(now time.Time, shared blob.Shared) {
	dst := r.receivers[r.members[shared.To[0]]].Address
	if len(shared.To) > 1 {
		dst = r.order.MulticastAddress
	}
	convoy := r.convoy
	r.dispatch(now, shared.Ask, dst, func(now time.Time, m access.Message, failed error) {
		for _, number := range shared.To {
			convoy.Answer(now, number, m, failed)
		}
	})
}

// hear takes a message from a receiver.
func (r *round) hear(now time.Time, src mesh.Address, m access.Message) {
	if r.halted {
		return
	}
	if report, ok := m.(*blob.PartialBlockReport); ok {
		if i := slices.IndexFunc(r.receivers, func(known Receiver) bool { return known.Address == src }); i >= 0 {
			r.updaters[i].Report(report)
			r.due = now
		}
		return
	}
	i := slices.IndexFunc(r.pending, func(e *pendingMessage) bool { return e.dst == src && e.Respond == m.Opcode() && e.tries > 0 })
	if i < 0 {
		return // a repeated request is answered twice
	}
	e := r.pending[i]
	r.pending = slices.Delete(r.pending, i, i+1)
	e.done(now, m, nil)
	r.due = now
}

// plan sets when there is something to do next.
func (r *round) plan(now time.Time) {
	r.due = time.Time{}
	next := func(t time.Time) {
		if t.After(now) && (r.due.IsZero() || t.Before(r.due)) {
			r.due = t
		}
	}
	for _, e := range r.pending {
		if !e.at.After(now) {
			r.due = now // it has just been made
			return
		}
		next(e.at)
	}
	for _, u := range r.updaters {
		next(u.NextDeadline())
	}
}
