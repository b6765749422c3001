package configuration

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// FriendHost is a Host that may be the friend of Low Power nodes.
type FriendHost interface {
	// PollTimeout is that of the Low Power node with this address; zero when
	// the host is not its friend.
	PollTimeout(lpn mesh.Address) time.Duration
}

// pollTimeout answers a Config Low Power Node PollTimeout Get (section
// 4.3.2.67): zero says that there is no friendship.
func (s *Server) pollTimeout(lpn mesh.Address) *LowPowerNodePollTimeoutStatus {
	const step = 100 * time.Millisecond
	status := &LowPowerNodePollTimeoutStatus{LPNAddress: lpn}
	if host, ok := s.Host().(FriendHost); ok {
		status.PollTimeout = uint32(host.PollTimeout(lpn) / step)
	}
	return status
}
