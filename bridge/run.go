package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/lists"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/loop"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
)

// Run is the bridge at work. It returns when ctx has ended, everything that was
// begun has been given up, what came of it has been noted, and the store has been
// given all of it; or when the store does not take it in time.
func (s *Service) Run(ctx context.Context, p Publisher) error {
	defer s.loop.Close()
	s.host.Publisher.Attach(p)
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	written := make(chan error, 1)
	go func() { written <- s.host.Writer.Run(writing) }()

	s.loop.Post(func() { s.loop.Go(s.begin) })
	s.loop.Serve(ctx, inputs{s})
	for _, p := range s.parts.table {
		p.Stop()
	}
	s.parts.lists.Flush()
	stored := s.finish()
	stopWriting()
	if !stored {
		return nil // its goroutine waits for a store that hangs
	}
	if err := <-written; err != nil {
		s.host.Log.Error().Err(err).Msg("the last changes are not in the store")
	}
	return nil
}

// finish gives the store everything that was changed. It does not wait for a store that
// hangs: then it tells who waits, and the log, and reports false.
func (s *Service) finish() bool {
	const patience = 4 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stored := true
	s.host.Writer.Flush()
	for more := true; more && stored; more = s.host.Writer.Flush() {
		s.loop.Drain(func() { stored = s.host.Writer.Finish(ctx) })
	}
	if stored {
		return true
	}
	s.host.Writer.Abandon(fmt.Errorf("bridge: %w: the last changes are not in the store", node.ErrStopped))
	e := s.host.Log.Error()
	for table, changes := range s.host.Writer.Unwritten() {
		e.Int("changes_of_"+string(table), changes)
	}
	e.Msgf("the store did not end a write within %s; the last changes are lost, unless it ends after all", patience)
	return false
}

// begin asks the node which nodes there are and lets the loop go on with it.
func (s *Service) begin(ctx context.Context) {
	summary, err := s.cfg.Mesh.Summary(ctx)
	if err != nil {
		return // it was stopped
	}
	peers, err := s.cfg.Mesh.Peers(ctx)
	if err != nil {
		return
	}
	s.loop.Post(func() { s.start(summary, peers) })
}

func (s *Service) start(summary node.Summary, peers []state.Peer) {
	s.host.Own.Take(summary)
	s.parts.records.Reconcile(peers)
	s.started = true
	s.announce()
	s.host.Ledger.Own(s.ownTopics())
	s.host.Ledger.ClearFormer()
	for _, p := range s.parts.table {
		p.Start()
	}
}

// ownTopics are the retained topics of the bridge itself.
func (s *Service) ownTopics() []string {
	topics := []string{s.cfg.Topics.BridgeState()}
	for _, list := range lists.Names() {
		topics = append(topics, s.cfg.Topics.Bridge(list))
	}
	return topics
}

// announce publishes everything retained about all devices.
func (s *Service) announce() {
	for _, d := range s.host.Devices.Sorted() {
		for _, p := range s.parts.table {
			p.Announced(d)
		}
	}
}

// inputs is the Service as the loop sees it.
type inputs struct{ *Service }

var _ loop.Handler = inputs{}

// Event implements loop.Handler.
func (s inputs) Event(e node.Event) {
	if m, ok := e.(node.MessageReceived); ok {
		s.received(m)
		return
	}
	for _, p := range s.parts.table {
		p.Event(e)
	}
}

// received gives an access message to the parts, in the order of the table, until
// one takes it. One from an element that the bridge does not know is only logged.
func (s inputs) received(m node.MessageReceived) {
	s.message.Element, s.message.MessageReceived = s.host.Devices.At(m.Src), m
	requester.LogReceived(&s.host.Log, s.host.Messages, s.message.Element, m)
	if s.message.Element.Device == nil {
		return
	}
	for _, p := range s.parts.table {
		if p.Message(&s.message) {
			return
		}
	}
}

// Message implements loop.Handler.
func (s inputs) Message(m mqtt.Message) { s.route(m) }

// Second implements loop.Handler.
func (s inputs) Second(tick int) {
	if all := s.loop.Dropped(); all > s.dropped {
		s.host.Publisher.Warn("", "the bridge was busy: %d events of the mesh were dropped", all-s.dropped)
		s.host.Publisher.Changed("health")
		s.dropped = all
	}
	s.host.Writer.GiveUp()
	for _, p := range s.parts.table {
		p.Second(tick)
	}
	s.host.Publisher.Second()
}

// Handled implements loop.Handler.
func (s inputs) Handled() {
	s.parts.lists.Publish()
	s.host.Writer.Flush()
}
