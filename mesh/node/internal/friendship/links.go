package friendship

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// link is a friendship with its credentials: two during a Key Refresh.
type link struct {
	friend.Link
	transmit    *network.Credentials
	credentials []*network.Credentials
}

func newLink(name friend.Link, s *state.Subnet) link {
	l := link{Link: name, credentials: []*network.Credentials{name.Credentials(s.Key)}}
	l.transmit = l.credentials[0]
	if s.Phase != state.NormalOperation {
		l.credentials = append(l.credentials, name.Credentials(s.NewKey))
		if s.Phase == state.SecondPhase {
			l.transmit = l.credentials[1]
		}
	}
	return l
}

// by finds the friendship whose credentials these are, nil for none.
func (f *Friendships) by(c *network.Credentials) *link {
	for i := range f.links {
		if slices.Contains(f.links[i].credentials, c) {
			return &f.links[i]
		}
	}
	return nil
}

// deriveLinks gives the network layer the credentials of all friendships. They
// follow the NetKey through a Key Refresh.
func (f *Friendships) deriveLinks() {
	names := f.Friend.links(nil)
	if l, ok := f.LowPower.link(); ok {
		names = append(names, l)
		if l != f.own {
			// The Friend may deliver messages that were received before.
			f.cfg.Layers.ForgetHeard()
			f.own = l
		}
	}
	old := f.links
	f.links = make([]link, 0, len(names))
	for _, name := range names {
		if i := slices.IndexFunc(old, func(l link) bool { return l.Link == name }); i >= 0 {
			f.links = append(f.links, old[i])
		} else if s := f.host.State().Subnet(name.NetKey); s != nil {
			f.links = append(f.links, newLink(name, s))
		}
	}
	for _, s := range f.cfg.Keys.Subnets() {
		all := s.Flooding
		if f.LowPower.hearsOnlyFriend(s.Index) {
			all = nil
		}
		for i := range f.links {
			if f.links[i].NetKey == s.Index {
				all = append(slices.Clone(all), f.links[i].credentials...)
			}
		}
		f.cfg.Layers.AddSubnet(s.Index, all...)
	}
}
