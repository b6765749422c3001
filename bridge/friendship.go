package bridge

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
)

// friendshipDocument is what bridge/devices shows of a device that sleeps and
// has the bridge for a friend.
type friendshipDocument struct {
	PollTimeout float64 `json:"poll_timeout"` // seconds without a poll until the bridge takes it for gone
	Queued      int     `json:"queued"`       // PDUs that wait for it
	Addresses   int     `json:"subscriptions"`
}

// befriended handles the beginning or the end of a friendship. A device that
// polls is there though it does not answer; one that has ceased to poll is not.
func (s *Service) befriended(in node.FriendshipChanged) {
	u, known := s.unit[in.LPN]
	s.refreshSummary()
	if !known {
		return
	}
	m := u.managed
	data := map[string]any{"friendly_name": m.record.Name, "established": in.Established}
	if !in.Established {
		data["reason"] = in.Reason
	}
	s.event("friendship", data)
	s.log.Info().Str("device", m.record.Name).Bool("established", in.Established).Str("reason", in.Reason).
		Msg("the friendship with a device that sleeps has changed")
	switch {
	case in.Established:
		m.heard(time.Now())
		unknown := m.online == nil
		s.setOnline(m, true)
		if unknown && !m.busy {
			s.refresh(m) // setOnline does it for one that comes back
		}
	case in.Reason == string(friend.PollTimeout):
		s.setOnline(m, false)
	}
}

// patient gives a device time to wake up, for each question anew.
type patient struct{ *requester }

// Request implements commission.Requester.
func (p patient) Request(ctx context.Context, q node.Request) (node.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, commission.Timeout)
	defer cancel()
	return p.requester.Request(ctx, q)
}

// friendship is the friendship with a device, nil for none.
func (s *Service) friendship(m *managed) *friendshipDocument {
	for i := range s.summary.Friendships {
		if f := &s.summary.Friendships[i]; f.LPN == m.record.Address {
			return &friendshipDocument{PollTimeout: f.PollTimeout.Seconds(), Queued: f.Queued, Addresses: len(f.Subscriptions)}
		}
	}
	return nil
}
