package bridge

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
)

// posted is a step that a worker wants done in the loop.
type posted func()

func (s *Service) input(in any) {
	select {
	case s.inputs <- in:
	case <-s.done:
	}
}

// post runs f in the loop. The loop itself must not post: it would wait for
// itself when the inputs are full.
func (s *Service) post(f func()) { s.input(posted(f)) }

// Run is the loop. It returns when ctx has ended, everything that was begun has
// been given up, and what came of it has been noted.
func (s *Service) Run(ctx context.Context, p Publisher) error {
	defer close(s.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.ctx, s.publisher = ctx, p
	s.work(s.begin)
	s.loop(ctx)
	cancel()
	s.stop()
	return nil
}

func (s *Service) loop(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for tick := 0; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
			return
		case in := <-s.inputs:
			s.handle(in)
			s.drain()
		case <-second.C:
			tick++
			s.everySecond(tick)
		}
		s.publishLists()
	}
}

// stop waits for the workers. A device that was provisioned or removed in the
// last moment is noted as such; nothing new is begun.
func (s *Service) stop() {
	s.stopping = true
	ended := make(chan struct{})
	go func() { defer close(ended); s.workers.Wait() }()
	note := func(in any) {
		if f, ok := in.(posted); ok {
			f()
		}
	}
	for waiting := true; waiting; {
		select {
		case in := <-s.inputs:
			note(in)
		case <-ended:
			waiting = false
		}
	}
	// What the last workers posted may still lie there.
	for {
		select {
		case in := <-s.inputs:
			note(in)
			continue
		default:
		}
		break
	}
	for _, m := range s.devices {
		for _, c := range m.commands.takeAll() {
			s.conclude(m, c, failed(node.ErrStopped))
		}
	}
	s.publishLists()
	s.storeStates()
}

// begin asks the node who is there and lets the loop go on with it.
func (s *Service) begin(ctx context.Context) {
	summary, err := s.cfg.Mesh.Summary(ctx)
	if err != nil {
		return // it was stopped
	}
	peers, err := s.cfg.Mesh.Peers(ctx)
	if err != nil {
		return
	}
	s.post(func() {
		s.summary = summary
		if summary.IVIndexUnknown {
			s.log.Warn().Msg("the IV index of the network is not known yet: nothing is sent until a node in reach tells it in a beacon or a message")
		}
		s.reconcile(peers)
		s.begun = true
		s.announce()
		s.clearFormer()
		s.refreshAll()
		s.resumeRekeying()
	})
}

// reconcile makes the devices agree with the nodes of the network: the service
// may have been killed after one of the two was stored.
func (s *Service) reconcile(peers []state.Peer) {
	known := make(map[mesh.UUID]bool, len(peers))
	for _, p := range peers {
		known[p.UUID] = true
		if m := s.devices[p.UUID]; m == nil || m.record.Address != p.Address {
			s.adopt(p, "")
		}
	}
	for _, m := range s.sorted() {
		if !known[m.record.UUID] {
			s.log.Warn().Str("device", m.record.Name).Stringer("uuid", m.record.UUID).
				Msg("the device is no node of the network any more; it is forgotten")
			s.forget(m)
		}
	}
}

// drain handles what else has come by now, so that a burst makes one list.
func (s *Service) drain() {
	const most = 256
	for range most {
		select {
		case in := <-s.inputs:
			s.handle(in)
		default:
			return
		}
	}
}

func (s *Service) handle(in any) {
	switch in := in.(type) {
	case posted:
		in()
	case mqtt.Message:
		s.handleMessage(in)
	case node.MessageReceived:
		s.received(in)
	case node.DeviceHeard:
		s.heard(in)
	case node.ProvisioningStep:
		s.stepped(in)
	case node.ProvisioningDone:
		// The worker that waits for it goes on from there.
	case node.FriendshipChanged:
		s.befriended(in)
	case node.HeartbeatReceived:
		s.beaten(in)
	case node.ProxyConnected:
		s.proxyConnected(in)
	case node.ProxyLost:
		s.proxyLost(in)
	case node.IVIndexChanged:
		s.log.Info().Uint32("iv_index", uint32(in.IVIndex)).Bool("in_progress", in.Update).Msg("the network moved to another IV index")
		s.event("iv_update", map[string]any{"iv_index": in.IVIndex, "in_progress": in.Update})
		s.refreshSummary()
	case node.KeyRefreshChanged:
		s.keyRefreshChanged(in)
	case node.KeysChanged:
		s.refreshSummary()
	case node.ResetRefused:
		s.resetRefused(in)
	}
}

// everySecond does what is due: states to the store, lists of devices that went
// silent, availability, health.
func (s *Service) everySecond(tick int) {
	const expireEvery, storeEvery, lookEvery, healthEvery = 5, 30, 2, 60
	s.stepRefreshIfDue()
	if tick%expireEvery == 0 {
		s.expireFound()
	}
	if tick%storeEvery == 0 {
		s.storeStates()
	}
	if tick%lookEvery == 0 {
		s.checkAvailability()
	}
	if tick%healthEvery == 0 {
		s.refreshSummary()
	}
	if !s.scanUntil.IsZero() && !time.Now().Before(s.scanUntil) {
		s.scanUntil = time.Time{}
		s.lists["info"] = true
	}
}

// work runs f in a goroutine of its own that Run waits for. While the service
// stops nothing is begun.
func (s *Service) work(f func(ctx context.Context)) {
	if s.stopping {
		return
	}
	ctx := s.ctx
	s.workers.Go(func() { f(ctx) })
}

// refreshSummary asks the node about itself.
func (s *Service) refreshSummary() {
	s.work(func(ctx context.Context) {
		summary, err := s.cfg.Mesh.Summary(ctx)
		if err != nil {
			return
		}
		s.post(func() {
			s.tookSummary(summary)
			s.lists["devices"] = s.lists["devices"] || len(summary.Friendships) > 0 || s.befriends
			s.befriends = len(summary.Friendships) > 0
		})
	})
}
