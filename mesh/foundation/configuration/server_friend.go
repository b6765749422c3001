package configuration

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// FriendHost is a Host that can be a Friend node.
type FriendHost interface {
	// PollTimeout returns the PollTimeout of the Low Power node with this
	// address, or zero if the host is not its Friend node.
	PollTimeout(lpn mesh.Address) time.Duration
}

// pollTimeout answers a Config Low Power Node PollTimeout Get (section
// 4.3.2.67). Zero means that there is no friendship.
func (s *Server) pollTimeout(lpn mesh.Address) *LowPowerNodePollTimeoutStatus {
	const step = 100 * time.Millisecond
	status := &LowPowerNodePollTimeoutStatus{LPNAddress: lpn}
	if host, ok := s.Host().(FriendHost); ok {
		status.PollTimeout = uint32(host.PollTimeout(lpn) / step)
	}
	return status
}
